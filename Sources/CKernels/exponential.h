#pragma once
#include <stdint.h>
#include <string.h>

#include "dispatch.h"

// e^x by range reduction to [-ln2/2, ln2/2] and a degree-6 polynomial (the Cephes coefficients): below 2 ulp
// on the whole range, branch-free so that loops vectorise. Inputs are clamped to what a float can hold;
// -infinity gives the smallest normal number, which rounds away in every sum it enters.
D3_INLINE float d3_exp(float x) {
    x = x < 88.0f ? x : 88.0f;
    x = x > -87.0f ? x : -87.0f;
    const float shift = 12582912.0f;  // 1.5 * 2^23: adding it rounds to the nearest integer
    float shifted = x * 1.44269504088896341f + shift;
    float n = shifted - shift;
    float r = x - n * 0.693359375f;
    r = r - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = p * r * r + r + 1.0f;
    int32_t bits;
    memcpy(&bits, &p, sizeof bits);
    int32_t exponent;
    memcpy(&exponent, &shifted, sizeof exponent);
    bits += (int32_t)((uint32_t)exponent << 23);
    memcpy(&p, &bits, sizeof p);
    return p;
}
