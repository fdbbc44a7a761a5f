#include "lanes.h"

static void rope(float *restrict x, long stride, const float *restrict cosine, const float *restrict sine,
                 const int32_t *restrict positions, long n, long heads, long width, float direction) {
    const long half = width / 2;
    for (long r = 0; r < n; r++) {
        const float *c = cosine + positions[r] * half, *s = sine + positions[r] * half;
        for (long h = 0; h < heads; h++) {
            float *restrict low = x + r * stride + h * width, *restrict high = low + half;
            EACH_LANES(i, count, half, {
                const lanes a = load(low + i, count), b = load(high + i, count);
                const lanes cs = load(c + i, count), sn = load(s + i, count) * splat(direction);
                store(low + i, fused(a, cs, -(b * sn)), count);
                store(high + i, fused(b, cs, a * sn), count);
            });
        }
    }
}
