#pragma once
#include "lanes.h"

/// The largest of x[n], -infinity without any.
///
/// Sixty-four lanes at first: with fewer, each step would wait for the one before it.
D3_INLINE float largest(const float *restrict x, long n) {
    lanes top[4] = {splat(-INFINITY), splat(-INFINITY), splat(-INFINITY), splat(-INFINITY)};
    long start = 0;
    for (; start + 4 * LANES <= n; start += 4 * LANES)
        for (int j = 0; j < 4; j++) top[j] = larger(load(x + start + j * LANES, LANES), top[j]);
    const lanes both = larger(larger(top[3], top[1]), larger(top[2], top[0]));
    const float *rest = x + start;
    lanes all = both;
    EACH_LANES(i, count, n - start, { all = larger(keep(load(rest + i, count), count, -INFINITY), all); });
    return highest(all);
}
