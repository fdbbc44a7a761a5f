#include <math.h>
#include <string.h>

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
#define PLAIN(rows) \
    D3_KERNEL static void plain_##rows(const packed_tile *t) { plain_tile(rows, t); }
EACH_TILE(PLAIN)
#define NAME(rows) plain_##rows,
static const tile_function plain_tiles[ROWS] = {EACH_TILE(NAME)};
#undef NAME

static const tile_function *chosen = plain_tiles;
static const char *level = "widened";

#if defined(__x86_64__)
#define TARGET __attribute__((target("arch=x86-64-v4,avx512vnni"), min_vector_width(512)))

TARGET D3_INLINE void fast_tile(const int rows, const packed_tile *t) {
    __m512i sum[ROWS][2];
    int32_t *out = t->sums;
    const uint32_t *left = t->left;
    const uint8_t *right = t->right;
    const char *ahead = t->ahead;
    long lines = t->lines;
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        for (int j = 0; j < 2; j++)
            sum[i][j] = t->adds ? _mm512_loadu_si512(out + i * D3_BAND + j * 16) : _mm512_setzero_si512();
    _Pragma("clang loop unroll(disable)") for (long g = 0; g < t->groups; g++) {
        if (lines > 0) {
            __builtin_prefetch(ahead, 0, 3);
            ahead += 64;
            lines--;
        }
        const __m512i low = _mm512_loadu_si512(right), high = _mm512_loadu_si512(right + 64);
        _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {
            const __m512i four = _mm512_set1_epi32((int)left[i]);
            sum[i][0] = _mm512_dpbusd_epi32(sum[i][0], four, low);
            sum[i][1] = _mm512_dpbusd_epi32(sum[i][1], four, high);
        }
        left += rows;
        right += PANEL * 4;
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        for (int j = 0; j < 2; j++) _mm512_storeu_si512(out + i * D3_BAND + j * 16, sum[i][j]);
}
#define FAST(rows) \
    TARGET static void fast_##rows(const packed_tile *t) { fast_tile(rows, t); }
EACH_TILE(FAST)
#define NAME(rows) fast_##rows,
static const tile_function fast_tiles[ROWS] = {EACH_TILE(NAME)};
#undef NAME

__attribute__((constructor)) static void choose(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("avx512vnni")) {
        chosen = fast_tiles;
        level = "AVX512_VNNI";
    }
}
#endif

const char *d3_int8_level(void) { return level; }

long d3_int8_weight_count(long n, long k) { return panels_of(n) * PANEL * padded_bytes(k, 1); }
long d3_int8_left_count(long m, long k) { return m * padded_bytes(k, 1); }

D3_KERNEL float d3_int8_quantize(const float *x, long n, int8_t *y) {
    float largest = 0;
    for (long i = 0; i < n; i++) {
        const float size = fabsf(x[i]);
        largest = size > largest ? size : largest;
    }
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

void d3_int8_product(const uint8_t *left, const float *left_scales, long m, long k, const int8_t *weight,
                     const float *weight_scales, const int32_t *weight_sums, long n, long first, long end, int32_t *sums,
                     float *y, long ldy) {
    const packed_product p = {left, (const uint8_t *)weight, m, n, padded_bytes(k, 1), chosen, sums};
    const destination d = {left_scales, weight_scales, weight_sums, y, ldy};
    run_bands(&p, first, end, scale_sums, &d);
}
