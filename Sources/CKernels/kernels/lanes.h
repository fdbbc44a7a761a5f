#pragma once
// Sixteen floats that are worked on together, and the only operations whose result could depend on how wide a
// machine's vectors are. Every kernel of 32-bit floats is written in them, so that it has one order of sums:
//   element i of a row belongs to lane i % 16; a lane sums its elements in ascending order, by fused multiply-adds
//   where products are summed; at the end lanes 8 apart are added, then 4, 2 and 1 apart;
//   what is missing to the last whole sixteen counts as zeros.
// A CPU with AVX-512 holds the lanes in one register, one with AVX2 in two, any other in what it has. The results are
// the same bits on all that have fused multiply-adds: nothing is contracted or reordered but what is written here.
//
// Included with D3_V4, D3_V3 or neither; without either the special operations are loops over lanes.
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "../dispatch.h"

#pragma clang fp contract(off) reassociate(off)
// Everything is inlined: how vectors are passed doesn't matter.
#pragma clang diagnostic ignored "-Wpsabi"

enum { LANES = 16 };
typedef float lanes __attribute__((ext_vector_type(16)));
typedef int32_t lane_bits __attribute__((ext_vector_type(16)));
typedef double wide_lanes __attribute__((ext_vector_type(16)));
typedef float eight_lanes __attribute__((ext_vector_type(8)));
typedef float four_lanes __attribute__((ext_vector_type(4)));
typedef float two_lanes __attribute__((ext_vector_type(2)));

/// Runs a block for each sixteen of `n` elements: `i` is the first one's index, `count` how many there are, a constant
/// sixteen for all but the last.
#define EACH_LANES(i, count, n, ...)                   \
    do {                                               \
        long i = 0;                                    \
        for (; i + LANES <= (n); i += LANES) {         \
            const long count = LANES;                  \
            __VA_ARGS__                                \
        }                                              \
        if (i < (n)) {                                 \
            const long count = (n) - i;                \
            __VA_ARGS__                                \
        }                                              \
    } while (0)

D3_INLINE lanes splat(float x) { return (lanes)(x); }

/// All ones in the first `count` lanes, zeros in the others.
D3_INLINE lane_bits first_of(long count) {
    const lane_bits index = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    return index < (lane_bits)((int32_t)count);
}

/// `x` in the first `count` lanes, `other` in those beyond.
D3_INLINE lanes keep(lanes x, long count, float other) {
    return count >= LANES ? x : first_of(count) ? x : splat(other);
}

/// a * b + c, rounded once.
D3_INLINE lanes fused(lanes a, lanes b, lanes c) {
#if defined(D3_V4) || defined(D3_V3)
    return __builtin_elementwise_fma(a, b, c);
#else
    lanes result;
    for (int l = 0; l < LANES; l++) result[l] = D3_FUSED(a[l], b[l], c[l]);
    return result;
#endif
}

/// `count` elements at `p`, zeros in the lanes beyond; reads nothing behind them.
D3_INLINE lanes load(const float *p, long count) {
    lanes result;
    if (count >= LANES) {
        memcpy(&result, p, sizeof result);
        return result;
    }
#if defined(D3_V4)
    return (lanes)_mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
#elif defined(D3_V3)
    const lane_bits some = first_of(count);
    const eight_lanes low = (eight_lanes)_mm256_maskload_ps(p, (__m256i)some.lo);
    const eight_lanes high = (eight_lanes)_mm256_maskload_ps(p + 8, (__m256i)some.hi);
    return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#else
    for (int l = 0; l < LANES; l++) result[l] = l < count ? p[l] : 0;
    return result;
#endif
}

/// Writes the first `count` lanes to `p`, and nothing behind them.
D3_INLINE void store(float *p, lanes x, long count) {
    if (count >= LANES) {
        memcpy(p, &x, sizeof x);
        return;
    }
#if defined(D3_V4)
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << count) - 1), (__m512)x);
#elif defined(D3_V3)
    // Masked stores take tens of cycles on some CPUs.
    eight_lanes eight = x.lo;
    if (count & 8) {
        memcpy(p, &eight, sizeof eight);
        eight = x.hi;
        p += 8;
    }
    four_lanes four = eight.lo;
    if (count & 4) {
        memcpy(p, &four, sizeof four);
        four = eight.hi;
        p += 4;
    }
    two_lanes two = four.lo;
    if (count & 2) {
        memcpy(p, &two, sizeof two);
        two = four.hi;
        p += 2;
    }
    if (count & 1) *p = two[0];
#else
    for (int l = 0; l < LANES; l++)
        if (l < count) p[l] = x[l];
#endif
}

D3_INLINE lanes square_root(lanes x) {
#if defined(D3_V4) || defined(D3_V3)
    return __builtin_elementwise_sqrt(x);
#else
    lanes result;
    for (int l = 0; l < LANES; l++) result[l] = sqrtf(x[l]);
    return result;
#endif
}

/// The larger one, `b` where either is no number.
D3_INLINE lanes larger(lanes a, lanes b) { return a > b ? a : b; }

/// The sum of all lanes.
D3_INLINE float total(lanes x) {
#if defined(D3_V4) || defined(D3_V3)
    const eight_lanes eight = x.lo + x.hi;
    const four_lanes four = eight.lo + eight.hi;
    const two_lanes two = four.lo + four.hi;
    return two[0] + two[1];
#else
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int l = 0; l < width; l++) x[l] += x[l + width];
    return x[0];
#endif
}

/// The largest of all lanes.
D3_INLINE float highest(lanes x) {
    const eight_lanes eight = x.lo > x.hi ? x.lo : x.hi;
    const four_lanes four = eight.lo > eight.hi ? eight.lo : eight.hi;
    const two_lanes two = four.lo > four.hi ? four.lo : four.hi;
    return two[0] > two[1] ? two[0] : two[1];
}
