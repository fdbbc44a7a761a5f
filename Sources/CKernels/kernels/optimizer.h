#include "lanes.h"

static void adamw(float *restrict p, const float *restrict g, float *restrict m, float *restrict v, long n,
                  float gradient_scale, float lr, float beta1, float beta2, float epsilon, float decay,
                  float correction1, float correction2) {
    const float decayed = lr * decay, root = 1.0f / sqrtf(correction2);
    const lanes kept = splat(1.0f - decayed), step = splat(lr / correction1);
    EACH_LANES(i, count, n, {
        const lanes grad = load(g + i, count) * splat(gradient_scale);
        const lanes first = fused(splat(beta1), load(m + i, count), splat(1.0f - beta1) * grad);
        const lanes second = fused(splat(beta2), load(v + i, count), splat(1.0f - beta2) * grad * grad);
        const lanes change = step * first / fused(square_root(second), splat(root), splat(epsilon));
        store(m + i, first, count);
        store(v + i, second, count);
        store(p + i, fused(load(p + i, count), kept, -change), count);
    });
}

static void nesterov(const float *restrict g, float *restrict m, float *restrict out, long n, float gradient_scale,
                     float beta) {
    EACH_LANES(i, count, n, {
        const lanes grad = load(g + i, count) * splat(gradient_scale);
        const lanes momentum = fused(splat(beta), load(m + i, count), grad);
        store(m + i, momentum, count);
        store(out + i, fused(splat(beta), momentum, grad), count);
    });
}
