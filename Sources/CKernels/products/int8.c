#include <float.h>
#include <math.h>
#include <string.h>

#include "CKernels.h"
#include "pack.h"

// The left matrix is stored as x + 128, because the instruction multiplies unsigned by signed bytes; 128 times the
// sum of the weight's column is taken off at the end.
enum { OFFSET = 128 };

D3_INLINE void plain_tile(const int rows, const packed_tile *t) {
    const int8_t *right = (const int8_t *)t->right;
    const uint8_t *left = (const uint8_t *)t->left;
    int32_t *out = t->sums;
    for (int i = 0; i < rows; i++) {
        int32_t sum[PANEL];
        for (int j = 0; j < PANEL; j++) sum[j] = t->adds ? out[i * D3_BAND + j] : 0;
        for (long g = 0; g < t->groups; g++)
            for (int j = 0; j < PANEL; j++)
                for (int b = 0; b < 4; b++) sum[j] += left[(g * rows + i) * 4 + b] * right[(g * PANEL + j) * 4 + b];
        memcpy(out + i * D3_BAND, sum, sizeof sum);
    }
}
PLAIN_TILES

#if defined(__x86_64__)
#define TARGET __attribute__((target("arch=x86-64-v4,avx512vnni"), min_vector_width(512)))
#define vec __m512i
#define zero() _mm512_setzero_si512()
#define load(p) _mm512_loadu_si512(p)
#define store(p, v) _mm512_storeu_si512(p, v)
#define dot(sum, left, right) _mm512_dpbusd_epi32(sum, left, right)
#include "packed_tiles.h"
#undef TARGET
#undef vec
#undef zero
#undef load
#undef store
#undef dot

#define vec __m256i
#define zero() _mm256_setzero_si256()
#define load(p) _mm256_loadu_si256((const __m256i *)(p))
#define store(p, v) _mm256_storeu_si256((__m256i *)(p), v)

// With the instruction of AVX-512, in vectors of 256 bits.
#define TARGET __attribute__((target("arch=x86-64-v3,avxvnni")))
#define LANES 8
#define PART_ROWS 6
#define LEVEL avx_vnni
#define left_t uint32_t
#define WIDTH 1
#define widen_left(from, count, to) memcpy(to, from, (size_t)(count) * sizeof(uint32_t))
#define right_t __m256i
#define widen_right(p) load(p)
#define dot(sum, left, i, right) _mm256_dpbusd_avx_epi32(sum, _mm256_set1_epi32((int)(left)[i]), right)
#include "narrow_tiles.h"
#undef TARGET
#undef LEVEL
#undef left_t
#undef WIDTH
#undef widen_left
#undef right_t
#undef widen_right
#undef dot

// Without it: bytes are widened to 16 bits, and pairs of them multiplied and added in 32, which nothing overflows. (To
// multiply bytes in pairs, as vpmaddubsw does, would: 255 * 127 * 2 is more than 16 bits hold, and it saturates.)
#define TARGET __attribute__((target("arch=x86-64-v3")))

/// Bytes 0 and 2 of each group as two numbers of 16 bits, and bytes 1 and 3.
TARGET D3_INLINE void widen_bytes(const uint32_t *restrict groups, long count, uint32_t *restrict even, uint32_t *restrict odd) {
    for (long i = 0; i < count; i++) {
        even[i] = groups[i] & 0x00FF00FF;
        odd[i] = groups[i] >> 8 & 0x00FF00FF;
    }
}

typedef struct {
    __m256i even, odd;
} bytes_of_8;

TARGET D3_INLINE bytes_of_8 widen_bytes_of_8(const uint8_t *p) {
    const __m256i bytes = load(p);
    return (bytes_of_8){_mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8), _mm256_srai_epi16(bytes, 8)};
}

TARGET D3_INLINE __m256i add_pairs(__m256i sum, uint32_t left, __m256i right) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_set1_epi32((int)left), right));
}

#define LEVEL avx2
#define left_t uint32_t
#define WIDTH 2
#define widen_left(from, count, to) widen_bytes(from, count, to, (to) + LEFT_STEP)
#define right_t bytes_of_8
#define widen_right(p) widen_bytes_of_8(p)
#define dot(sum, left, i, right) add_pairs(add_pairs(sum, (left)[i], (right).even), ((left) + LEFT_STEP)[i], (right).odd)
#include "narrow_tiles.h"

static bool has_avx512_vnni(void) {
    return d3_chosen_kernels() == d3_kernels_at("x86-64-v4") && __builtin_cpu_supports("avx512vnni");
}

static bool has_avx_vnni(void) { return d3_chosen_kernels()->is_fast && __builtin_cpu_supports("avxvnni"); }

static bool has_avx2(void) { return d3_chosen_kernels()->is_fast; }
#endif

static const packed_level levels[] = {
#if defined(__x86_64__)
    {"AVX512_VNNI", fast_tiles, has_avx512_vnni},
    {"AVX_VNNI", avx_vnni_tiles, has_avx_vnni},
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

const char *d3_int8_level(void) { return chosen->name; }

const char *d3_int8_level_at(int index) {
    const packed_level *level = usable_level(levels, sizeof levels / sizeof *levels, index);
    return level ? level->name : NULL;
}

long d3_int8_weight_count(long n, long k) { return panels_of(n) * PANEL * padded_bytes(k, 1); }
long d3_int8_left_count(long m, long k) { return m * padded_bytes(k, 1); }

D3_KERNEL float d3_int8_quantize(const float *x, long n, int8_t *y) {
    float largest = 0;
    bool is_finite = true;
    for (long i = 0; i < n; i++) {
        const float size = fabsf(x[i]);
        is_finite &= size <= FLT_MAX;
        largest = size > largest ? size : largest;
    }
    if (!is_finite) {
        memset(y, 0, n);
        return NAN;
    }
    // Of smaller ones 127 / largest overflows.
    if (largest < 1e-30f) largest = 0;
    const float inverse = largest > 0 ? 127.0f / largest : 0;
    for (long i = 0; i < n; i++) y[i] = (int8_t)rintf(x[i] * inverse);
    return largest / 127.0f;
}

void d3_int8_pack_weight(const int8_t *w, long ldw, long n, long k, int8_t *packed, long first, long end) {
    pack_weight((const uint8_t *)w, ldw, n, k, 1, (uint8_t *)packed, first, end);
}

D3_KERNEL int32_t d3_int8_sum(const int8_t *x, long n) {
    int32_t sum = 0;
    for (long i = 0; i < n; i++) sum += x[i];
    return sum;
}

D3_KERNEL void d3_int8_to_f32(const int8_t *x, float *y, long n) {
    for (long i = 0; i < n; i++) y[i] = x[i];
}

D3_KERNEL void d3_int8_to_bf16(const int8_t *x, uint16_t *y, long n) {
    for (long i = 0; i < n; i++) {
        const float value = x[i];
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        y[i] = (uint16_t)(bits >> 16);
    }
}

D3_KERNEL static void shift(const int8_t *x, long n, uint8_t *y) {
    for (long i = 0; i < n; i++) y[i] = (uint8_t)(x[i] + OFFSET);
}

void d3_int8_pack_left(const float *x, long ldx, long m, long k, int8_t *scratch, uint8_t *packed, float *scales,
                       long first, long end) {
    const long bytes = padded_bytes(k, 1);
    for (long t = first; t < end; t++) {
        const long row = tile_start(t, m), rows = tile_start(t + 1, m) - row;
        int8_t *tile = scratch + row * bytes;
        for (long i = 0; i < rows; i++) {
            scales[row + i] = d3_int8_quantize(x + (row + i) * ldx, k, tile + i * bytes);
            shift(tile + i * bytes, k, (uint8_t *)tile + i * bytes);
            memset(tile + i * bytes + k, 0, bytes - k);
        }
        interleave((const uint8_t *)tile, bytes, rows, bytes / 4, (uint32_t *)(packed + row * bytes), rows);
    }
}

typedef struct {
    const float *left_scales, *weight_scales;
    const int32_t *weight_sums;
    float *y;
    long ldy;
} destination;

D3_KERNEL static void scale_sums(const void *context, const void *sums, long top, long rows, long column, long columns) {
    const destination *d = context;
    for (long r = 0; r < rows; r++) {
        const int32_t *from = (const int32_t *)sums + r * D3_BAND;
        const float *scales = d->weight_scales + column;
        const int32_t *offsets = d->weight_sums + column;
        const float scale = d->left_scales[top + r];
        float *to = d->y + (top + r) * d->ldy + column;
        for (long j = 0; j < columns; j++) to[j] = (float)(from[j] - OFFSET * offsets[j]) * (scale * scales[j]);
    }
}

static void product(const tile_function *tiles, const uint8_t *left, const float *left_scales, long m, long k,
                    const int8_t *weight, const float *weight_scales, const int32_t *weight_sums, long n, long first,
                    long end, int32_t *sums, float *y, long ldy) {
    const packed_product p = {left, (const uint8_t *)weight, m, n, padded_bytes(k, 1), tiles, sums};
    const destination d = {left_scales, weight_scales, weight_sums, y, ldy};
    run_bands(&p, first, end, scale_sums, &d);
}

void d3_int8_product(const uint8_t *left, const float *left_scales, long m, long k, const int8_t *weight,
                     const float *weight_scales, const int32_t *weight_sums, long n, long first, long end, int32_t *sums,
                     float *y, long ldy) {
    product(chosen->tiles, left, left_scales, m, k, weight, weight_scales, weight_sums, n, first, end, sums, y, ldy);
}

void d3_int8_product_at(int index, const uint8_t *left, const float *left_scales, long m, long k, const int8_t *weight,
                        const float *weight_scales, const int32_t *weight_sums, long n, long first, long end,
                        int32_t *sums, float *y, long ldy) {
    const packed_level *level = usable_level(levels, sizeof levels / sizeof *levels, index);
    if (level) product(level->tiles, left, left_scales, m, k, weight, weight_scales, weight_sums, n, first, end, sums, y, ldy);
}
