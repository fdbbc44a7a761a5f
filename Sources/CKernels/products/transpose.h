#pragma once
// N vectors of N 32-bit elements, transposed in registers: by log2(N) rounds of interleaving rows that are half the
// block apart.
#if defined(__x86_64__)
#include <immintrin.h>

#define D3_V4 __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define D3_V3 __attribute__((target("arch=x86-64-v3")))

// low(a, b) and high(a, b): a0 b0 a1 b1 ... of the lower and of the upper halves.
#define TRANSPOSE(name, level, vec, count, low, high)                                                            \
    level static inline __attribute__((always_inline)) void name(vec rows[count]) {                              \
        vec mixed[count];                                                                                        \
        _Pragma("clang loop unroll(full)") for (int width = 1; width < count; width *= 2) {                      \
            _Pragma("clang loop unroll(full)") for (int r = 0; r < count / 2; r++) {                             \
                mixed[2 * r] = low(rows[r], rows[r + count / 2]);                                                \
                mixed[2 * r + 1] = high(rows[r], rows[r + count / 2]);                                           \
            }                                                                                                    \
            _Pragma("clang loop unroll(full)") for (int r = 0; r < count; r++) rows[r] = mixed[r];               \
        }                                                                                                        \
    }

#define LOW16(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define HIGH16(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define LOW8(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11)
#define HIGH8(a, b) __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15)
TRANSPOSE(transpose16, D3_V4, __m512, 16, LOW16, HIGH16)
TRANSPOSE(transpose8, D3_V3, __m256, 8, LOW8, HIGH8)
#undef TRANSPOSE
#undef LOW16
#undef HIGH16
#undef LOW8
#undef HIGH8

static inline __mmask16 first_lanes(long n) { return (__mmask16)((1u << n) - 1); }
#endif
