#pragma once
// How weights of half precision and of eight bits lie in memory, and how a product with them is cut.
//
// A weight [N,K] is stored so that a product reads it once, from front to back. From the outside in:
//   bands of D3_BAND columns, so that the left matrix is read once per band and a band's sums stay in the cache;
//   chunks of k, DEPTH bytes per column, so that a panel's chunk stays in the first-level cache for all rows;
//   panels of PANEL columns; groups of k that one instruction sums, four bytes each; columns; k within the group.
// Columns are padded to whole panels and k to whole groups, with zeros.
//
// A left matrix [M,K] is cut into tiles of up to ROWS rows, as equal as can be; a tile is [groups][rows].
#include <stddef.h>

#include "d3_products.h"

#include "../dispatch.h"

enum { PANEL = 32, DEPTH = 1024, ROWS = 12, BLOCK_TILES = 32 };

static inline long least(long a, long b) { return a < b ? a : b; }
static inline long panels_of(long n) { return (n + PANEL - 1) / PANEL; }
static inline long tiles_of(long m) { return (m + ROWS - 1) / ROWS; }
static inline long tile_start(long tile, long m) { return tile * m / tiles_of(m); }
/// Bytes of one column or row of `k` elements, padded to whole groups.
static inline long padded_bytes(long k, long size) { return (k * size + 3) / 4 * 4; }

/// Where the chunk of panel `panel` that begins `k` bytes into its columns lies, in bytes from the weight's start.
static inline long chunk_offset(long panel, long k, long panels, long bytes) {
    const long band = panel / (D3_BAND / PANEL) * (D3_BAND / PANEL);
    const long width = least(D3_BAND / PANEL, panels - band);
    return band * PANEL * bytes + k * width * PANEL + (panel - band) * PANEL * least(DEPTH, bytes - k);
}

/// Sums of one tile of rows and one panel over one chunk of k.
typedef struct {
    const uint32_t *left;  ///< [groups][rows]
    const uint8_t *right;  ///< [groups][PANEL], four bytes each
    void *sums;            ///< [rows][D3_BAND], 32 bits each
    long groups;
    bool adds;             ///< to what `sums` holds
    const char *ahead;     ///< what to fetch into the cache meanwhile, one line per group
    long lines;
} packed_tile;

typedef void (*tile_function)(const packed_tile *);

typedef struct {
    const uint8_t *left, *weight;
    long m, n, bytes;
    /// Computes a tile of r rows: `tiles[r - 1]`.
    const tile_function *tiles;
    /// D3_BLOCK rows of D3_BAND sums.
    void *sums;
} packed_product;

/// One way of computing the tiles, and whether this CPU, at the level that was chosen, can.
typedef struct {
    const char *name;
    const tile_function *tiles;
    bool (*is_usable)(void);
} packed_level;

/// The `index`th of those that can be used; NULL behind the last.
static inline const packed_level *usable_level(const packed_level *levels, int count, int index) {
    for (int i = 0; i < count; i++)
        if (levels[i].is_usable() && index-- == 0) return &levels[i];
    return NULL;
}

static inline bool always(void) { return true; }

/// What becomes of the finished sums of rows [top, top + rows) and columns [column, column + columns).
typedef void (*finish_function)(const void *context, const void *sums, long top, long rows, long column, long columns);

/// The bands [first, end) of a product.
D3_INLINE void run_bands(const packed_product *p, long first, long end, finish_function finish, const void *context) {
    const long panels = panels_of(p->n), tiles = tiles_of(p->m), per_band = D3_BAND / PANEL;
    for (long block = 0; block < tiles; block += BLOCK_TILES) {
        const long block_end = least(block + BLOCK_TILES, tiles), top = tile_start(block, p->m);
        for (long band = first; band < end; band++) {
            const long stop = least((band + 1) * per_band, panels);
            for (long k = 0; k < p->bytes; k += DEPTH) {
                const long depth = least(DEPTH, p->bytes - k), lines = depth * PANEL / 64;
                for (long panel = band * per_band; panel < stop; panel++) {
                    const uint8_t *right = p->weight + chunk_offset(panel, k, panels, p->bytes);
                    for (long t = block; t < block_end; t++) {
                        const long row = tile_start(t, p->m), rows = tile_start(t + 1, p->m) - row;
                        const long from = (t - block) * lines / (block_end - block);
                        const long to = (t - block + 1) * lines / (block_end - block);
                        const packed_tile tile = {
                            .left = (const uint32_t *)(p->left + row * p->bytes + k * rows), .right = right,
                            .sums = (uint32_t *)p->sums + (row - top) * D3_BAND + (panel % per_band) * PANEL,
                            .groups = depth / 4, .adds = k > 0,
                            .ahead = (const char *)right + depth * PANEL + from * 64, .lines = to - from,
                        };
                        p->tiles[rows - 1](&tile);
                    }
                }
            }
            const long column = band * D3_BAND;
            finish(context, p->sums, top, tile_start(block_end, p->m) - top, column, least(D3_BAND, p->n - column));
        }
    }
}

#define EACH_TILE(x) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12)

/// Wraps `plain_tile(rows, tile)` into a table `plain_tiles`: for CPUs without the instructions.
#define PLAIN_TILE(rows) \
    D3_KERNEL static void plain_##rows(const packed_tile *t) { plain_tile(rows, t); }
#define PLAIN_NAME(rows) plain_##rows,
#define PLAIN_TILES \
    EACH_TILE(PLAIN_TILE) static const tile_function plain_tiles[ROWS] = {EACH_TILE(PLAIN_NAME)};
