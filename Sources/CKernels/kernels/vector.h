#include "lanes.h"

static void add(float *restrict y, const float *restrict x, long n) {
    EACH_LANES(i, count, n, { store(y + i, load(y + i, count) + load(x + i, count), count); });
}

static void scale(float *restrict x, float factor, long n) {
    EACH_LANES(i, count, n, { store(x + i, load(x + i, count) * splat(factor), count); });
}

static void axpy(float *restrict y, float a, const float *restrict x, long n) {
    EACH_LANES(i, count, n, { store(y + i, fused(splat(a), load(x + i, count), load(y + i, count)), count); });
}

static double sum_of_squares(const float *restrict x, long n) {
    wide_lanes sum = (wide_lanes)(0.0);
    EACH_LANES(i, count, n, {
        // The square is exact: nothing would be gained by fusing.
        const wide_lanes wide = __builtin_convertvector(load(x + i, count), wide_lanes);
        sum += wide * wide;
    });
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) sum[l] += sum[l + width];
    return sum[0];
}

static void add_row(float *restrict y, long stride, const float *restrict row, long n, long d) {
    for (long r = 0; r < n; r++) add(y + r * stride, row, d);
}

/// Row after row, in ascending order.
static void sum_rows(const float *restrict x, long stride, float *restrict sum, long n, long d) {
    for (long r = 0; r < n; r++) add(sum, x + r * stride, d);
}

static void bf16_to_f32(const uint16_t *restrict x, float *restrict y, long n) {
    for (long i = 0; i < n; i++) {
        uint32_t bits = (uint32_t)x[i] << 16;
        memcpy(&y[i], &bits, sizeof bits);
    }
}

static void f32_to_bf16(const float *restrict x, uint16_t *restrict y, long n) {
    for (long i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        uint32_t rounded = bits + 0x7FFFu + ((bits >> 16) & 1u);
        bool is_nan = (bits & 0x7FFFFFFFu) > 0x7F800000u;
        y[i] = is_nan ? (uint16_t)((bits >> 16) | 0x40u) : (uint16_t)(rounded >> 16);
    }
}
