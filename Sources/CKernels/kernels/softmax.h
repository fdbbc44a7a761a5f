#include "exponential.h"
#include "largest.h"

static void softmax_rows(float *restrict scores, long stride, const int32_t *restrict limits, long n, long d,
                         float scale) {
    for (long r = 0; r < n; r++) {
        float *row = scores + r * stride;
        const long limit = limits[r];
        const lanes top = splat(largest(row, limit));
        lanes sum = splat(0);
        EACH_LANES(c, count, limit, {
            const lanes e = exponential((load(row + c, count) - top) * splat(scale));
            store(row + c, e, count);
            sum += keep(e, count, 0);
        });
        const lanes inverse = splat(limit ? 1.0f / total(sum) : 0);
        EACH_LANES(c, count, limit, { store(row + c, load(row + c, count) * inverse, count); });
        for (long c = limit; c < d; c++) row[c] = 0;
    }
}

static void softmax_rows_backward(float *restrict dp, const float *restrict p, long stride, long n, long d,
                                  float scale) {
    for (long r = 0; r < n; r++) {
        float *grad = dp + r * stride;
        const float *row = p + r * stride;
        lanes sum = splat(0);
        EACH_LANES(c, count, d, { sum = fused(load(grad + c, count), load(row + c, count), sum); });
        const lanes dot = splat(total(sum));
        EACH_LANES(c, count, d, {
            store(grad + c, splat(scale) * load(row + c, count) * (load(grad + c, count) - dot), count);
        });
    }
}
