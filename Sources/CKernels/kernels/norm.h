#include "lanes.h"

static void rms_norm(const float *restrict x, const float *restrict weight, float *restrict y, float *restrict inverse,
                     long n, long d, float epsilon) {
    for (long r = 0; r < n; r++) {
        const float *row = x + r * d;
        lanes sum = splat(0);
        EACH_LANES(c, count, d, {
            const lanes v = load(row + c, count);
            sum = fused(v, v, sum);
        });
        const float scale = 1.0f / sqrtf(total(sum) / (float)d + epsilon);
        inverse[r] = scale;
        float *out = y + r * d;
        EACH_LANES(c, count, d, {
            store(out + c, load(row + c, count) * splat(scale) * load(weight + c, count), count);
        });
    }
}

static void rms_norm_backward(const float *restrict dy, const float *restrict x, const float *restrict inverse,
                              const float *restrict weight, float *restrict dx, float *restrict dweight, long n,
                              long d) {
    for (long r = 0; r < n; r++) {
        const float *row = x + r * d, *grad = dy + r * d;
        float *out = dx + r * d;
        lanes sum = splat(0);
        EACH_LANES(c, count, d, {
            sum = fused(load(grad + c, count) * load(weight + c, count), load(row + c, count), sum);
        });
        const float s = inverse[r], k = total(sum) * s * s * s / (float)d;
        EACH_LANES(c, count, d, {
            const lanes g = load(grad + c, count), v = load(row + c, count);
            const lanes change = fused(v, splat(-k), g * load(weight + c, count) * splat(s));
            store(out + c, load(out + c, count) + change, count);
            store(dweight + c, fused(g * v, splat(s), load(dweight + c, count)), count);
        });
    }
}
