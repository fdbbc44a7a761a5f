#pragma once
#include <math.h>

#include "dispatch.h"

/// The largest of x[n], -infinity without any.
///
/// Lane by lane first: written as one loop, each step would wait for the one before it, because the compiler must not
/// assume that there is no NaN.
D3_INLINE float d3_largest(const float *restrict x, long n) {
    enum { LANES = 64 };
    float lanes[LANES], top = -INFINITY;
    long i = 0;
    if (n >= LANES) {
        for (int j = 0; j < LANES; j++) lanes[j] = -INFINITY;
        for (; i + LANES <= n; i += LANES)
            for (int j = 0; j < LANES; j++) lanes[j] = x[i + j] > lanes[j] ? x[i + j] : lanes[j];
        // Halving, for the same reason.
        for (int width = LANES / 2; width > 0; width /= 2)
            for (int j = 0; j < width; j++) lanes[j] = lanes[j + width] > lanes[j] ? lanes[j + width] : lanes[j];
        top = lanes[0];
    }
    for (; i < n; i++) top = x[i] > top ? x[i] : top;
    return top;
}
