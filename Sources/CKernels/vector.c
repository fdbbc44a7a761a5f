#include "CKernels.h"
#include "dispatch.h"

#include <string.h>

D3_KERNEL void d3_add(float *restrict y, const float *restrict x, long n) {
    for (long i = 0; i < n; i++) y[i] += x[i];
}

D3_KERNEL void d3_scale(float *restrict x, float factor, long n) {
    for (long i = 0; i < n; i++) x[i] *= factor;
}

D3_KERNEL void d3_axpy(float *restrict y, float a, const float *restrict x, long n) {
    for (long i = 0; i < n; i++) y[i] += a * x[i];
}

D3_KERNEL double d3_sum_of_squares(const float *restrict x, long n) {
    D3_REORDER_SUMS
    double sum = 0;
    for (long i = 0; i < n; i++) sum += (double)x[i] * (double)x[i];
    return sum;
}

D3_KERNEL void d3_add_row(float *restrict y, long stride, const float *restrict row, long n, long d) {
    for (long r = 0; r < n; r++)
        for (long c = 0; c < d; c++) y[r * stride + c] += row[c];
}

D3_KERNEL void d3_sum_rows(const float *restrict x, long stride, float *restrict sum, long n, long d) {
    for (long r = 0; r < n; r++)
        for (long c = 0; c < d; c++) sum[c] += x[r * stride + c];
}

D3_KERNEL void d3_bf16_to_f32(const uint16_t *restrict x, float *restrict y, long n) {
    for (long i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)x[i] << 16;
        memcpy(&y[i], &bits, sizeof bits);
    }
}

D3_KERNEL void d3_f32_to_bf16(const float *restrict x, uint16_t *restrict y, long n) {
    for (long i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        uint32_t rounded = bits + 0x7FFFu + ((bits >> 16) & 1u);
        bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
        y[i] = is_nan ? (uint16_t)((bits >> 16) | 0x40u) : (uint16_t)(rounded >> 16);
    }
}
