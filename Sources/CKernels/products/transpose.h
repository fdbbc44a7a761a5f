#pragma once
// Sixteen vectors of sixteen 32-bit elements, transposed in registers.
#if defined(__x86_64__)
#include <immintrin.h>

#define D3_V4 __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))

/// By four rounds of interleaving rows that are half the block apart.
D3_V4 static inline __attribute__((always_inline)) void transpose16(__m512i rows[16]) {
    __m512i mixed[16];
    _Pragma("clang loop unroll(full)") for (int round = 0; round < 4; round++) {
        _Pragma("clang loop unroll(full)") for (int r = 0; r < 8; r++) {
            typedef int lanes __attribute__((vector_size(64)));
            const lanes a = (lanes)rows[r], b = (lanes)rows[r + 8];
            mixed[2 * r] = (__m512i)__builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
            mixed[2 * r + 1] =
                (__m512i)__builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        }
        _Pragma("clang loop unroll(full)") for (int r = 0; r < 16; r++) rows[r] = mixed[r];
    }
}

static inline __mmask16 first_lanes(long n) { return (__mmask16)((1u << n) - 1); }
#endif
