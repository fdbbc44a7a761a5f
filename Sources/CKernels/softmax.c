#include <math.h>

#include "CKernels.h"
#include "exponential.h"

D3_KERNEL void d3_softmax_rows(float *restrict scores, long stride, const int32_t *restrict limits, long n, long d,
                               float scale) {
    D3_REORDER_SUMS
    for (long r = 0; r < n; r++) {
        float *row = scores + r * stride;
        long limit = limits[r];
        float top = -INFINITY;
        for (long c = 0; c < limit; c++) top = row[c] > top ? row[c] : top;
        float sum = 0;
        for (long c = 0; c < limit; c++) {
            float e = d3_exp((row[c] - top) * scale);
            row[c] = e;
            sum += e;
        }
        float inverse = limit ? 1.0f / sum : 0;
        for (long c = 0; c < limit; c++) row[c] *= inverse;
        for (long c = limit; c < d; c++) row[c] = 0;
    }
}

D3_KERNEL void d3_softmax_rows_backward(float *restrict dp, const float *restrict p, long stride, long n, long d,
                                        float scale) {
    D3_REORDER_SUMS
    for (long r = 0; r < n; r++) {
        float *grad = dp + r * stride;
        const float *row = p + r * stride;
        float dot = 0;
        for (long c = 0; c < d; c++) dot += grad[c] * row[c];
        for (long c = 0; c < d; c++) grad[c] = scale * row[c] * (grad[c] - dot);
    }
}
