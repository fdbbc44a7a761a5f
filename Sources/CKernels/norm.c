#include <math.h>

#include "CKernels.h"
#include "dispatch.h"

D3_KERNEL void d3_rms_norm(const float *restrict x, const float *restrict weight, float *restrict y,
                           float *restrict inverse, long n, long d, float epsilon) {
    D3_REORDER_SUMS
    for (long r = 0; r < n; r++) {
        const float *row = x + r * d;
        float sum = 0;
        for (long c = 0; c < d; c++) sum += row[c] * row[c];
        float scale = 1.0f / sqrtf(sum / (float)d + epsilon);
        inverse[r] = scale;
        float *out = y + r * d;
        for (long c = 0; c < d; c++) out[c] = row[c] * scale * weight[c];
    }
}

D3_KERNEL void d3_rms_norm_backward(const float *restrict dy, const float *restrict x, const float *restrict inverse,
                                    const float *restrict weight, float *restrict dx, float *restrict dweight,
                                    long n, long d) {
    D3_REORDER_SUMS
    for (long r = 0; r < n; r++) {
        const float *row = x + r * d, *grad = dy + r * d;
        float *out = dx + r * d;
        float s = inverse[r], dot = 0;
        for (long c = 0; c < d; c++) dot += grad[c] * weight[c] * row[c];
        float k = dot * s * s * s / (float)d;
        for (long c = 0; c < d; c++) {
            out[c] += grad[c] * weight[c] * s - row[c] * k;
            dweight[c] += grad[c] * row[c] * s;
        }
    }
}
