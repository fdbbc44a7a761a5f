#include <stdbool.h>
#include <string.h>

#include "../levels/levels.h"
#include "../dispatch.h"
#include "d3_memory.h"
#include "f32_chunks.h"
#include "transpose.h"

#pragma clang fp contract(off) reassociate(off)

// Floats of A that are worked on together: they stay in the second-level cache.
enum { BAND = 1 << 17 };
// Columns of B that are copied together, where they have to be: a row's page is looked up once for all of them.
enum { GROUP = 256 };
// Rows that are packed together where both sides are; panels are fetched so many rows of them ahead.
enum { TALLEST = 1020, AHEAD = 4 };

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

/// Whether rows this far apart compete for the same lines of a cache.
static inline bool collides(long stride) { return stride % 1024 == 0; }

// Where the copies of the left and of the right side lie.
enum { LEFT_COPIES, RIGHT_COPIES };

static inline long least(long a, long b) { return a < b ? a : b; }

/// The first of `rows` rows in tile `tile` of `tiles`, which are as equal as can be.
static inline long tile_start(long tile, long tiles, long rows) { return tile * rows / tiles; }

/// Whether every element is read so often that copying both sides first takes less time.
static inline bool pays_to_pack(const d3_product *p) { return p->m >= 48 && p->n >= 320 && p->k >= 64; }

#if defined(__x86_64__)
#define LEVEL v4
#define TARGET __attribute__((target("arch=x86-64-v4"), min_vector_width(512)))
#define LANES 16
#define ROWS 12
#define WIDE_ROWS 8
#define vec __m512
#define fused(a, b, c) _mm512_fmadd_ps(_mm512_set1_ps(a), b, c)
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
#define WIDE_ROWS 4
#define vec __m256
#define fused(a, b, c) _mm256_fmadd_ps(_mm256_set1_ps(a), b, c)
#define load_part(p, n) ((n) == 8 ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, lanes_mask(n)))
#define store_part(p, v, n) \
    do { if ((n) == 8) _mm256_storeu_ps(p, v); else _mm256_maskstore_ps(p, lanes_mask(n), v); } while (0)
#define transpose_lanes transpose8
#include "f32_tiles.h"
#endif
