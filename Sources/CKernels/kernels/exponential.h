#pragma once
#include "lanes.h"

// e^x by range reduction to [-ln2/2, ln2/2] and a degree-6 polynomial (the Cephes coefficients): below 2 ulp
// on the whole range, branch-free. Inputs are clamped to what a float can hold; -infinity gives the smallest normal
// number, which rounds away in every sum it enters.
D3_INLINE lanes exponential(lanes x) {
    x = x < splat(88.0f) ? x : splat(88.0f);
    x = x > splat(-87.0f) ? x : splat(-87.0f);
    const lanes shift = splat(12582912.0f);  // 1.5 * 2^23: adding it rounds to the nearest integer
    const lanes shifted = fused(x, splat(1.44269504088896341f), shift);
    const lanes n = shifted - shift;
    lanes r = fused(n, splat(-0.693359375f), x);
    r = fused(n, splat(2.12194440e-4f), r);
    lanes p = splat(1.9875691500e-4f);
    p = fused(p, r, splat(1.3981999507e-3f));
    p = fused(p, r, splat(8.3334519073e-3f));
    p = fused(p, r, splat(4.1665795894e-2f));
    p = fused(p, r, splat(1.6666665459e-1f));
    p = fused(p, r, splat(5.0000001201e-1f));
    p = fused(p, r * r, r) + splat(1.0f);
    lane_bits bits, exponent;
    memcpy(&bits, &p, sizeof bits);
    memcpy(&exponent, &shifted, sizeof exponent);
    bits += exponent << 23;
    memcpy(&p, &bits, sizeof p);
    return p;
}

/// The same of one number.
D3_INLINE float exponential_of(float x) { return exponential(splat(x))[0]; }

/// Natural logarithm of one number, by the series of atanh((m - 1) / (m + 1)) in double precision without fused
/// multiply-adds: the nearest float but for a few in 10^8, and the same everywhere.
D3_INLINE float logarithm_of(float x) {
    const double ln2 = 0.69314718055994530942, root = 1.41421356237309504880;
    if (!(x > 0)) return x == 0 ? -INFINITY : NAN;
    if (x == INFINITY) return x;
    const double wide = x;
    int64_t bits;
    memcpy(&bits, &wide, sizeof bits);
    int exponent = (int)(bits >> 52) - 1023;
    bits = (bits & 0xFFFFFFFFFFFFF) | 0x3FF0000000000000;
    double mantissa;
    memcpy(&mantissa, &bits, sizeof mantissa);
    if (mantissa > root) {
        mantissa *= 0.5;
        exponent++;
    }
    const double s = (mantissa - 1) / (mantissa + 1), t = s * s;
    double sum = 1.0 / 17;
    sum = sum * t + 1.0 / 15;
    sum = sum * t + 1.0 / 13;
    sum = sum * t + 1.0 / 11;
    sum = sum * t + 1.0 / 9;
    sum = sum * t + 1.0 / 7;
    sum = sum * t + 1.0 / 5;
    sum = sum * t + 1.0 / 3;
    sum = sum * t + 1.0;
    return (float)((double)exponent * ln2 + 2 * s * sum);
}
