#include "d3_products.h"

#include "../dispatch.h"
#include "transpose.h"

// Floats of A that are worked on together: they stay in the second-level cache.
enum { BAND = 1 << 17 };
// Depth of the longest chunk of k; its right-hand panel stays near the first-level cache.
enum { DEPTH = 448 };

typedef struct {
    const float *a, *b;
    float *c;
    long a_row, a_step, b_step, c_row, depth;
    int columns;
    bool adds;
    float alpha;
} product_tile;

/// Rows of A that are worked on together when chunks are `depth` deep.
static inline long band_rows(long depth) { return BAND / depth; }

/// The depth of the next chunk when `rest` is left: equal halves rather than a short last chunk.
static inline long chunk_depth(long rest) {
    if (rest >= 2 * DEPTH) return DEPTH;
    return rest > DEPTH ? (rest / 2 + 15) / 16 * 16 : rest;
}

#if defined(__x86_64__)
#define LEVEL v4
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define LANES 16
#define ROWS 12
#define vec __m512
#define load_part(p, n) _mm512_maskz_loadu_ps((__mmask16)((1u << (n)) - 1), p)
#define store_part(p, v, n) _mm512_mask_storeu_ps(p, (__mmask16)((1u << (n)) - 1), v)
#define transpose_lanes transpose16
#include "f32_tiles.h"

static const int32_t leading_lanes[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
#define lanes_mask(n) _mm256_loadu_si256((const __m256i *)(leading_lanes + 8 - (n)))
#define LEVEL v3
#define TARGET __attribute__((target("arch=x86-64-v3")))
#define LANES 8
#define ROWS 6
#define vec __m256
#define load_part(p, n) ((n) == 8 ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, lanes_mask(n)))
#define store_part(p, v, n) \
    do { if ((n) == 8) _mm256_storeu_ps(p, v); else _mm256_maskstore_ps(p, lanes_mask(n), v); } while (0)
#define transpose_lanes transpose8
#include "f32_tiles.h"

static void (*chosen)(const d3_product *);

__attribute__((constructor)) static void choose(void) {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v4"))
        chosen = product_v4;
    else if (__builtin_cpu_supports("x86-64-v3"))
        chosen = product_v3;
}

bool d3_product_available(void) { return chosen != 0; }
void d3_product_f32(const d3_product *p) { chosen(p); }
#else
bool d3_product_available(void) { return false; }
void d3_product_f32(const d3_product *p) { (void)p; }
#endif
