// The f32 product of large matrices for one instruction level: both sides are copied to where tiles read them from
// front to back. Included by f32_tiles.h.
//
// A chunk of k at a time: up to TALLEST rows of op(a) in tiles, [depth][rows of the tile], one after another; then, by
// groups of GROUP columns that stay in the second-level cache, panels of op(b), [depth][PANEL]. A tile of a stays in
// the first-level cache while the group's panels pass by. Sums are those of tiles that read the matrices where they
// are, in the same order.

/// A tile of two vectors of columns, or of one, from copies of both sides.
TARGET D3_INLINE void FN(packed_tile)(const int rows, const int vectors, const product_tile *t) {
    vec sum[ROWS][2];
    const float *a = t->a, *b = t->b;
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) {
            sum[i][j] = (vec){0};
            __builtin_prefetch(t->c + i * t->c_row + j * LANES, 1, 3);
        }
    _Pragma("clang loop unroll_count(2)") for (long k = 0; k < t->depth; k++) {
        vec right[2];
        for (int j = 0; j < vectors; j++) {
            right[j] = load_part(b + j * LANES, LANES);
            if (j * LANES % 16 == 0) __builtin_prefetch(b + AHEAD * PANEL + j * LANES, 0, 3);
        }
        _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
            for (int j = 0; j < vectors; j++) sum[i][j] = fused(a[i], right[j], sum[i][j]);
        a += rows;
        b += PANEL;
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        FN(finish)(t, vectors, i, sum[i]);
}

#define TILE(rows, vectors) \
    TARGET static __attribute__((noinline)) void FN(packed_##rows##_##vectors)(const product_tile *t) { \
        FN(packed_tile)(rows, vectors, t);                                                              \
    }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2)
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6)
#if ROWS == 12
TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12)
#endif
#undef TILES
#undef TILE

#define PAIR(rows) {FN(packed_##rows##_1), FN(packed_##rows##_2)}
static void (*const FN(packed_tiles)[ROWS][2])(const product_tile *) = {
    PAIR(1), PAIR(2), PAIR(3), PAIR(4), PAIR(5), PAIR(6),
#if ROWS == 12
    PAIR(7), PAIR(8), PAIR(9), PAIR(10), PAIR(11), PAIR(12),
#endif
};
#undef PAIR

/// A tile of `count` rows of a, `depth` long; up to LANES floats behind it are overwritten.
TARGET static void FN(pack_tile)(const float *restrict a, long lda, long count, long depth, float *restrict out) {
    long k = 0;
    for (; k + LANES <= depth; k += LANES) {
        vec rows[LANES];
        _Pragma("clang loop unroll(full)") for (int r = 0; r < LANES; r++)
            rows[r] = r < count ? load_part(a + r * lda + k, LANES) : (vec){0};
        transpose_lanes(rows);
        _Pragma("clang loop unroll(full)") for (int l = 0; l < LANES; l++)
            store_part(out + (k + l) * count, rows[l], LANES);
    }
    for (; k < depth; k++)
        for (long r = 0; r < count; r++) out[k * count + r] = a[r * lda + k];
}

/// The tiles [tile, end) of `tiles` of the transpose of a, which has `rows` columns.
TARGET static void FN(pack_tiles)(const float *restrict a, long lda, long rows, long tiles, long tile, long end,
                                  long depth, float *restrict packed) {
    for (long k = 0; k < depth; k++)
        for (long i = tile; i < end; i++) {
            const long first = tile_start(i, tiles, rows), count = tile_start(i + 1, tiles, rows) - first;
            const vec row = load_part(a + k * lda + first, (int)count);
            // What is stored too much is overwritten by what comes next, but not behind the tile.
            store_part(packed + first * depth + k * count, row, k + 1 < depth ? LANES : (int)count);
        }
}

/// The product, with room for copies: `left` of TALLEST rows and `right` of GROUP columns, at most DEPTH deep.
TARGET static void FN(packed_product)(const d3_product *p, float *restrict left, float *restrict right) {
    for (long top = 0, rows; top < p->m; top += rows) {
        rows = least(p->m - top, TALLEST);
        const long tiles = (rows + ROWS - 1) / ROWS;
        for (long k = 0, depth; k < p->k; k += depth) {
            depth = chunk_depth(p->k - k);
            if (p->transpose_a)
                // Few tiles at a time, so that the lines they are written to stay in the first-level cache.
                for (long i = 0; i < tiles; i += 8)
                    FN(pack_tiles)(p->a + k * p->lda + top, p->lda, rows, tiles, i, least(i + 8, tiles), depth, left);
            else
                for (long i = 0; i < tiles; i++) {
                    const long first = tile_start(i, tiles, rows), count = tile_start(i + 1, tiles, rows) - first;
                    FN(pack_tile)(p->a + (top + first) * p->lda + k, p->lda, count, depth, left + first * depth);
                }
            for (long j = 0; j < p->n; j += GROUP) {
                const long width = least(p->n - j, GROUP), step = PANEL_STEP(depth);
                if (p->transpose_b)
                    for (long panel = 0; panel * PANEL < width; panel++)
                        FN(transpose)(p->b + (j + panel * PANEL) * p->ldb + k, p->ldb,
                                      least(PANEL, width - panel * PANEL), depth, right + panel * step, PANEL, true);
                else
                    FN(copy)(p->b + k * p->ldb + j, p->ldb, width, depth, right);
                for (long i = 0; i < tiles; i++) {
                    const long first = tile_start(i, tiles, rows), count = tile_start(i + 1, tiles, rows) - first;
                    for (long panel = 0; panel * PANEL < width; panel++) {
                        const long columns = least(PANEL, width - panel * PANEL);
                        const product_tile t = {
                            .a = left + first * depth, .b = right + panel * step,
                            .c = p->c + (top + first) * p->ldc + j + panel * PANEL, .c_row = p->ldc, .depth = depth,
                            .columns = (int)columns, .adds = p->accumulate || k > 0, .alpha = p->alpha,
                        };
                        FN(packed_tiles)[count - 1][(columns - 1) / LANES](&t);
                    }
                }
            }
        }
    }
}
