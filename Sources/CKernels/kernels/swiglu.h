#include "exponential.h"

static void swiglu(const float *restrict gate, const float *restrict up, float *restrict h, long n) {
    EACH_LANES(i, count, n, {
        const lanes g = load(gate + i, count);
        store(h + i, g / (splat(1) + exponential(-g)) * load(up + i, count), count);
    });
}

static void swiglu_backward(const float *restrict dh, const float *restrict gate, const float *restrict up,
                            float *restrict dgate, float *restrict dup, long n) {
    EACH_LANES(i, count, n, {
        const lanes g = load(gate + i, count), d = load(dh + i, count);
        const lanes sigmoid = splat(1) / (splat(1) + exponential(-g)), silu = g * sigmoid;
        store(dup + i, d * silu, count);
        store(dgate + i, d * load(up + i, count) * fused(silu, splat(1) - sigmoid, sigmoid), count);
    });
}
