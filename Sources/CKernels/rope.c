#include "CKernels.h"
#include "dispatch.h"

D3_KERNEL void d3_rope(float *restrict x, long stride, const float *restrict cosine, const float *restrict sine,
                       const int32_t *restrict positions, long n, long heads, long width, float direction) {
    D3_REORDER_SUMS
    long half = width / 2;
    for (long r = 0; r < n; r++) {
        const float *c = cosine + positions[r] * half, *s = sine + positions[r] * half;
        for (long h = 0; h < heads; h++) {
            float *restrict low = x + r * stride + h * width, *restrict high = low + half;
            for (long i = 0; i < half; i++) {
                float a = low[i], b = high[i], sn = s[i] * direction;
                low[i] = a * c[i] - b * sn;
                high[i] = b * c[i] + a * sn;
            }
        }
    }
}
