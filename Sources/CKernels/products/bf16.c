#include <string.h>

#include "CKernels.h"
#include "pack.h"

static inline float widened(uint32_t half) {
    uint32_t bits = half << 16;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/// For CPUs without instructions for bfloat16.
D3_INLINE void plain_tile(const int rows, const packed_tile *t) {
    _Pragma("clang fp contract(fast)");
    const uint16_t *right = (const uint16_t *)t->right;
    float *out = t->sums;
    for (int i = 0; i < rows; i++) {
        float sum[PANEL];
        for (int j = 0; j < PANEL; j++) sum[j] = t->adds ? out[i * D3_BAND + j] : 0;
        for (long g = 0; g < t->groups; g++) {
            const uint32_t pair = t->left[g * rows + i];
            const float low = widened(pair & 0xFFFF), high = widened(pair >> 16);
            const uint16_t *w = right + g * PANEL * 2;
            for (int j = 0; j < PANEL; j++) {
                sum[j] += low * widened(w[2 * j]);
                sum[j] += high * widened(w[2 * j + 1]);
            }
        }
        memcpy(out + i * D3_BAND, sum, sizeof sum);
    }
}
PLAIN_TILES

#if defined(__x86_64__)
#include <immintrin.h>
#define TARGET __attribute__((target("arch=x86-64-v4,avx512bf16"), min_vector_width(512)))
#define vec __m512
#define zero() _mm512_setzero_ps()
#define load(p) _mm512_loadu_ps(p)
#define store(p, v) _mm512_storeu_ps(p, v)
#define dot(sum, left, right) _mm512_dpbf16_ps(sum, (__m512bh)(left), (__m512bh)(right))
#include "packed_tiles.h"
#undef TARGET
#undef vec
#undef zero
#undef load
#undef store
#undef dot

#define TARGET __attribute__((target("arch=x86-64-v3")))
#define UPPER 0xFFFF0000

/// The first of each pair, and the second: a bfloat16 is the upper half of a float.
TARGET D3_INLINE void widen_pairs(const uint32_t *restrict pairs, long count, float *restrict first, float *restrict second) {
    uint32_t *low = (uint32_t *)first, *high = (uint32_t *)second;
    for (long i = 0; i < count; i++) {
        low[i] = pairs[i] << 16;
        high[i] = pairs[i] & UPPER;
    }
}

typedef struct {
    __m256 first, second;
} pairs_of_8;

TARGET D3_INLINE pairs_of_8 widen_pairs_of_8(const uint8_t *p) {
    const __m256i pairs = _mm256_loadu_si256((const __m256i *)p);
    // A shuffle moves halves where shifts would take turns with multiplications.
    const __m256i lower = _mm256_set_epi8(13, 12, -1, -1, 9, 8, -1, -1, 5, 4, -1, -1, 1, 0, -1, -1, 13, 12, -1, -1, 9, 8,
                                          -1, -1, 5, 4, -1, -1, 1, 0, -1, -1);
    return (pairs_of_8){
        _mm256_castsi256_ps(_mm256_shuffle_epi8(pairs, lower)),
        _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32((int)UPPER))),
    };
}

#define LANES 8
#define PART_ROWS 6
#define LEVEL avx2
#define left_t float
#define WIDTH 2
#define vec __m256
#define zero() _mm256_setzero_ps()
#define load(p) _mm256_loadu_ps((const float *)(p))
#define store(p, v) _mm256_storeu_ps((float *)(p), v)
#define widen_left(from, count, to) widen_pairs(from, count, to, (to) + LEFT_STEP)
#define right_t pairs_of_8
#define widen_right(p) widen_pairs_of_8(p)
#define dot(sum, left, i, right)                                                                             \
    _mm256_fmadd_ps(_mm256_broadcast_ss((left) + LEFT_STEP + (i)), (right).second,                           \
                    _mm256_fmadd_ps(_mm256_broadcast_ss((left) + (i)), (right).first, sum))
#include "narrow_tiles.h"
#undef TARGET
#undef LANES
#undef PART_ROWS
#undef LEVEL
#undef vec
#undef zero
#undef load
#undef store
#undef right_t
#undef widen_right
#undef dot

#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))

typedef struct {
    __m512 first, second;
} pairs_of_16;

TARGET D3_INLINE pairs_of_16 widen_pairs_of_16(const uint8_t *p) {
    const __m512i pairs = _mm512_loadu_si512(p);
    return (pairs_of_16){
        _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)),
        _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32((int)UPPER))),
    };
}

#define LANES 16
#define PART_ROWS 12
#define LEVEL avx512
#define vec __m512
#define zero() _mm512_setzero_ps()
#define load(p) _mm512_loadu_ps(p)
#define store(p, v) _mm512_storeu_ps(p, v)
#define right_t pairs_of_16
#define widen_right(p) widen_pairs_of_16(p)
#define dot(sum, left, i, right)                                                                             \
    _mm512_fmadd_ps(_mm512_set1_ps((left)[LEFT_STEP + (i)]), (right).second,                                 \
                    _mm512_fmadd_ps(_mm512_set1_ps((left)[i]), (right).first, sum))
#include "narrow_tiles.h"

static bool has_avx512(void) { return d3_chosen_kernels() == d3_kernels_at("x86-64-v4"); }

static bool has_avx512_bf16(void) {
    return has_avx512() && __builtin_cpu_supports("avx512bf16");
}

/// Whether its instruction takes longer than the additions of products of 32-bit floats that it stands for, as on Intel's CPUs.
static bool is_slow(void) { return __builtin_cpu_is("intel"); }
static bool has_quick_avx512_bf16(void) { return has_avx512_bf16() && !is_slow(); }
static bool has_slow_avx512_bf16(void) { return has_avx512_bf16() && is_slow(); }

static bool has_avx2(void) { return d3_chosen_kernels()->is_fast; }
#endif

static const packed_level levels[] = {
#if defined(__x86_64__)
    {"AVX512_BF16", fast_tiles, has_quick_avx512_bf16},
    {"AVX512_F", avx512_tiles, has_avx512},
    {"AVX512_BF16", fast_tiles, has_slow_avx512_bf16},
    {"AVX2", avx2_tiles, has_avx2},
#endif
    {"widened", plain_tiles, always},
};
static const packed_level *chosen;

__attribute__((constructor)) static void choose(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
#endif
    chosen = usable_level(levels, sizeof levels / sizeof *levels, 0);
}

const char *d3_bf16_level(void) { return chosen->name; }

const char *d3_bf16_level_at(int index) {
    const packed_level *level = usable_level(levels, sizeof levels / sizeof *levels, index);
    return level ? level->name : NULL;
}

/// One group of a panel from two rows of a transposed weight: elements of the second row, or zeros, in the upper halves.
D3_INLINE void pack_pair(const uint16_t *low, const uint16_t *high, long columns, uint32_t *out) {
    if (columns == PANEL && high) {
        for (int j = 0; j < PANEL; j++) out[j] = (uint32_t)low[j] | (uint32_t)high[j] << 16;
        return;
    }
    for (long j = 0; j < PANEL; j++)
        out[j] = j < columns ? (uint32_t)low[j] | (high ? (uint32_t)high[j] << 16 : 0) : 0;
}

long d3_bf16_weight_count(long n, long k) { return panels_of(n) * PANEL * padded_bytes(k, 2) / 2; }
long d3_bf16_left_count(long m, long k) { return m * padded_bytes(k, 2) / 2; }

void d3_bf16_pack_weight(const uint16_t *w, long ldw, long n, long k, uint16_t *packed, long first, long end) {
    pack_weight((const uint8_t *)w, ldw * 2, n, k, 2, (uint8_t *)packed, first, end);
}

D3_KERNEL void d3_bf16_pack_transposed(const uint16_t *w, long ldw, long n, long k, uint16_t *packed) {
    const long bytes = padded_bytes(k, 2), panels = panels_of(n);
    for (long panel = 0; panel < panels; panel++) {
        const long columns = least(PANEL, n - panel * PANEL);
        for (long at = 0; at < bytes; at += DEPTH) {
            uint32_t *out = (uint32_t *)(packed + chunk_offset(panel, at, panels, bytes) / 2);
            const long groups = least(DEPTH, bytes - at) / 4;
            for (long g = 0; g < groups; g++) {
                const long row = at / 2 + 2 * g;
                const uint16_t *low = w + row * ldw + panel * PANEL;
                pack_pair(low, row + 1 < k ? low + ldw : NULL, columns, out + g * PANEL);
            }
        }
    }
}

void d3_bf16_pack_left(const float *x, long ldx, long m, long k, uint16_t *packed, long first, long end) {
    enum { PIECE = 512 };
    uint16_t piece[ROWS][PIECE];
    const long bytes = padded_bytes(k, 2);
    for (long t = first; t < end; t++) {
        const long row = tile_start(t, m), rows = tile_start(t + 1, m) - row;
        uint32_t *out = (uint32_t *)(packed + row * bytes / 2);
        for (long at = 0; at < k; at += PIECE) {
            const long count = least(PIECE, k - at);
            for (long i = 0; i < rows; i++) {
                d3_f32_to_bf16(x + (row + i) * ldx + at, piece[i], count);
                if (count % 2) piece[i][count] = 0;
            }
            interleave((const uint8_t *)piece, sizeof piece[0], rows, (count + 1) / 2, out + at / 2 * rows, rows);
        }
    }
}

typedef struct {
    float *y;
    long ldy;
} destination;

static void copy_sums(const void *context, const void *sums, long top, long rows, long column, long columns) {
    const destination *d = context;
    for (long r = 0; r < rows; r++)
        memcpy(d->y + (top + r) * d->ldy + column, (const float *)sums + r * D3_BAND, columns * sizeof(float));
}

static void add_sums(const void *context, const void *sums, long top, long rows, long column, long columns) {
    const destination *d = context;
    for (long r = 0; r < rows; r++)
        d3_add(d->y + (top + r) * d->ldy + column, (const float *)sums + r * D3_BAND, columns);
}

static void product(const tile_function *tiles, const uint16_t *left, long m, long k, const uint16_t *weight, long n,
                    long first, long end, bool accumulate, float *sums, float *y, long ldy) {
    const packed_product p = {(const uint8_t *)left, (const uint8_t *)weight, m, n, padded_bytes(k, 2), tiles, sums};
    const destination d = {y, ldy};
    run_bands(&p, first, end, accumulate ? add_sums : copy_sums, &d);
}

void d3_bf16_product(const uint16_t *left, long m, long k, const uint16_t *weight, long n, long first, long end,
                     bool accumulate, float *sums, float *y, long ldy) {
    product(chosen->tiles, left, m, k, weight, n, first, end, accumulate, sums, y, ldy);
}

void d3_bf16_product_at(int index, const uint16_t *left, long m, long k, const uint16_t *weight, long n, long first,
                        long end, float *sums, float *y, long ldy) {
    const packed_level *level = usable_level(levels, sizeof levels / sizeof *levels, index);
    if (level) product(level->tiles, left, m, k, weight, n, first, end, false, sums, y, ldy);
}

long d3_product_tiles(long m) { return tiles_of(m); }
long d3_product_bands(long n) { return (n + D3_BAND - 1) / D3_BAND; }
