#include <math.h>

#include "CKernels.h"
#include "dispatch.h"

D3_KERNEL void d3_adamw(float *restrict p, const float *restrict g, float *restrict m, float *restrict v, long n,
                        float gradient_scale, float lr, float beta1, float beta2, float epsilon, float decay,
                        float correction1, float correction2) {
    float keep = 1.0f - lr * decay, step = lr / correction1, root = 1.0f / sqrtf(correction2);
    for (long i = 0; i < n; i++) {
        float grad = g[i] * gradient_scale;
        m[i] = beta1 * m[i] + (1.0f - beta1) * grad;
        v[i] = beta2 * v[i] + (1.0f - beta2) * grad * grad;
        p[i] = p[i] * keep - step * m[i] / (sqrtf(v[i]) * root + epsilon);
    }
}

D3_KERNEL void d3_nesterov(const float *restrict g, float *restrict m, float *restrict out, long n,
                           float gradient_scale, float beta) {
    for (long i = 0; i < n; i++) {
        float grad = g[i] * gradient_scale;
        m[i] = beta * m[i] + grad;
        out[i] = grad + beta * m[i];
    }
}
