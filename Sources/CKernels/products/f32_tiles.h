// The f32 product for one instruction level. Included once per level with:
//   LEVEL      suffix of the names
//   TARGET     function attribute that turns the level on
//   LANES      floats in a vector
//   ROWS       rows of the largest tile of two vectors; 2 * ROWS + 3 vectors must fit the registers
//   WIDE_ROWS  rows of the largest tile of three vectors
//   vec, load_part(p, n), store_part(p, v, n): a vector, and its first n lanes from and to memory
//   fused(a, b, c): c plus the number a times the vector b, rounded once
//   transpose_lanes(rows): LANES vectors, transposed in registers
//
// A tile is up to ROWS rows by up to three vectors of columns of C. Every element of C is a sum over k in ascending
// order in one register per chunk of k, whatever tile it is in: so its value does not depend on how many rows or
// columns the product has, on the level, nor on threads.
#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define FN(name) JOIN(name, LEVEL)
#define PANEL (2 * LANES)
#define WIDE (3 * LANES)
// A line more than a panel, so that panels don't compete for the same lines.
#define PANEL_STEP(depth) (PANEL * (depth) + 16)

/// What becomes of the sums of a tile's row.
TARGET D3_INLINE void FN(finish)(const product_tile *t, const int vectors, const int row, const vec *sum) {
    const float alpha = t->alpha;
    for (int j = 0; j < vectors; j++) {
        const int lanes = j == vectors - 1 ? t->columns - j * LANES : LANES;
        float *c = t->c + row * t->c_row + j * LANES;
        vec result = t->adds ? fused(alpha, sum[j], load_part(c, lanes)) : alpha * sum[j];
        store_part(c, result, lanes);
    }
}

TARGET D3_INLINE void FN(tile)(const int rows, const int vectors, const product_tile *t) {
    vec sum[ROWS][3];
    const float *b = t->b;
    const long depth = t->depth, a_row = t->a_row, a_step = t->a_step, b_step = t->b_step;
    const float *a = t->a;
    const int last = t->columns - (vectors - 1) * LANES;
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) sum[i][j] = (vec){0};
    if (t->c_row >= 1024)
        for (int i = 0; i < rows; i++) __builtin_prefetch(t->c + i * t->c_row, 1, 3);
    _Pragma("clang loop unroll(disable)") for (long k = 0; k < depth; k++) {
        vec right[3];
        for (int j = 0; j < vectors; j++)
            right[j] = j == vectors - 1 ? load_part(b + j * LANES, last) : load_part(b + j * LANES, LANES);
        _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
            for (int j = 0; j < vectors; j++) sum[i][j] = fused(a[i * a_row], right[j], sum[i][j]);
        a += a_step;
        b += b_step;
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        FN(finish)(t, vectors, i, sum[i]);
}

#define TILE(rows, vectors) \
    TARGET static __attribute__((noinline)) void FN(tile_##rows##_##vectors)(const product_tile *t) { \
        FN(tile)(rows, vectors, t);                                                                   \
    }
#define TILES(rows) TILE(rows, 1) TILE(rows, 2)
TILES(1) TILES(2) TILES(3) TILES(4) TILES(5) TILES(6)
TILE(1, 3) TILE(2, 3) TILE(3, 3) TILE(4, 3)
#if ROWS == 12
TILES(7) TILES(8) TILES(9) TILES(10) TILES(11) TILES(12)
TILE(5, 3) TILE(6, 3) TILE(7, 3) TILE(8, 3)
#endif
#undef TILES
#undef TILE

#define TRIPLE(rows) {FN(tile_##rows##_1), FN(tile_##rows##_2), FN(tile_##rows##_3)}
#define PAIR(rows) {FN(tile_##rows##_1), FN(tile_##rows##_2), 0}
static void (*const FN(tiles)[ROWS][3])(const product_tile *) = {
    TRIPLE(1), TRIPLE(2), TRIPLE(3), TRIPLE(4),
#if ROWS == 12
    TRIPLE(5), TRIPLE(6), TRIPLE(7), TRIPLE(8), PAIR(9), PAIR(10), PAIR(11), PAIR(12),
#else
    PAIR(5), PAIR(6),
#endif
};
#undef TRIPLE
#undef PAIR

/// The LANES x LANES block at `b`, transposed.
TARGET D3_INLINE void FN(transpose_block)(const float *restrict b, long b_row, float *restrict out, long out_row) {
    vec rows[LANES];
    _Pragma("clang loop unroll(full)") for (int r = 0; r < LANES; r++) rows[r] = load_part(b + r * b_row, LANES);
    transpose_lanes(rows);
    _Pragma("clang loop unroll(full)") for (int r = 0; r < LANES; r++) store_part(out + r * out_row, rows[r], LANES);
}

/// `columns` columns of op(b), `depth` deep, from the rows of b: panel[depth][step].
TARGET static void FN(transpose)(const float *restrict b, long b_row, long columns, long depth, float *restrict panel,
                                 long step, bool is_far) {
    long j = 0;
    for (; j + LANES <= columns; j += LANES) {
        long k = 0;
        // Sixteen floats of each row at a time: a line of the cache is done with before others take its place.
        for (; k + 16 <= depth; k += 16) {
            if (is_far)
                for (int r = 0; r < LANES; r++) __builtin_prefetch(b + (j + LANES + r) * b_row + k, 0, 2);
            _Pragma("clang loop unroll(full)") for (int l = 0; l < 16; l += LANES)
                FN(transpose_block)(b + j * b_row + k + l, b_row, panel + (k + l) * step + j, step);
        }
        for (; k + LANES <= depth; k += LANES) FN(transpose_block)(b + j * b_row + k, b_row, panel + k * step + j, step);
        for (; k < depth; k++)
            for (int l = 0; l < LANES; l++) panel[k * step + j + l] = b[(j + l) * b_row + k];
    }
    for (; j < columns; j++)
        for (long k = 0; k < depth; k++) panel[k * step + j] = b[j * b_row + k];
}

/// Copies `columns` columns of b, `depth` rows, in panels of [depth][PANEL], PANEL_STEP(depth) apart.
TARGET static void FN(copy)(const float *restrict b, long b_row, long columns, long depth, float *restrict panels) {
    for (long k = 0; k < depth; k++) {
        // Each row is on a page of its own, which the CPU doesn't foresee.
        for (long j = 0; columns > PANEL && j < columns; j += 16) __builtin_prefetch(b + (k + 6) * b_row + j, 0, 3);
        for (long j = 0; j < columns; j += LANES) {
            const int lanes = columns - j < LANES ? (int)(columns - j) : LANES;
            store_part(panels + j / PANEL * PANEL_STEP(depth) + k * PANEL + j % PANEL,
                       load_part(b + k * b_row + j, lanes), lanes);
        }
    }
}

/// A chunk of `rows` rows of a, [rows][pitch].
TARGET static void FN(pack_rows)(const float *restrict a, long lda, long rows, long depth, float *restrict packed,
                                 long pitch) {
    for (long r = 0; r < rows; r++) memcpy(packed + r * pitch, a + r * lda, (size_t)depth * sizeof(float));
}

/// A chunk of `rows` rows of the transpose of a, in tiles one after another: each is [depth][its rows].
TARGET static void FN(pack_columns)(const float *restrict a, long lda, long rows, long tiles, long depth,
                                    float *restrict packed) {
    for (long i = 0; i < tiles; i++) {
        const long first = tile_start(i, tiles, rows), count = tile_start(i + 1, tiles, rows) - first;
        float *out = packed + first * depth;
        // What is stored too much is overwritten by what comes next.
        for (long k = 0; k < depth; k++)
            store_part(out + k * count, load_part(a + k * lda + first, (int)count), LANES);
    }
}

#include "f32_packed.h"

TARGET void FN(d3_product)(const d3_product *p) {
    const long deepest = p->k < DEPTH ? p->k : DEPTH;
    // Without memory it goes on without copies: the sums are the same.
    if (pays_to_pack(p)) {
        float *left = d3_scratch(LEFT_COPIES, least(p->m, TALLEST) * deepest + LANES);
        float *right = d3_scratch(RIGHT_COPIES, GROUP / PANEL * PANEL_STEP(deepest));
        if (left && right) {
            FN(packed_product)(p, left, right);
            return;
        }
    }
    float panel[DEPTH * WIDE] __attribute__((aligned(64)));
    const long a_row = p->transpose_a ? 1 : p->lda, a_step = p->transpose_a ? p->lda : 1;
    // Lines that compete are copied to where they don't, if they are read again.
    const bool copies_b = !p->transpose_b && collides(p->ldb) && p->k > 8 && p->m > 1;
    const bool reads_a_again = p->transpose_a ? p->n > PANEL || p->m > ROWS : p->n > 4 * PANEL && p->m > 8;
    const bool copies_a = collides(p->lda) && p->k > 8 && reads_a_again;
    // An odd number of lines apart, copied rows don't compete.
    const long pitch = (deepest + 15) / 32 * 32 + 16;
    // Where sums are short, C is what takes time: few rows at a time, so that its lines follow one another.
    const long short_band = copies_b && p->k <= 64 ? 8 * ROWS : p->m;
    const long band = least(short_band, copies_a ? least(band_rows(pitch) / 2, p->m) : band_rows(deepest));
    float *packed = copies_a ? d3_scratch(LEFT_COPIES, band * pitch + LANES) : NULL;
    const long group = p->n > 512 ? GROUP : PANEL;
    float *panels = copies_b ? d3_scratch(RIGHT_COPIES, group / PANEL * PANEL_STEP(DEPTH)) : NULL;
    for (long top = 0; top < p->m; top += band) {
        const long rows = p->m - top < band ? p->m - top : band;
        for (long k = 0, depth; k < p->k; k += depth) {
            depth = chunk_depth(p->k - k);
            const long tiles = (rows + ROWS - 1) / ROWS;
            if (packed && p->transpose_a)
                FN(pack_columns)(p->a + top + k * p->lda, p->lda, rows, tiles, depth, packed);
            else if (packed)
                FN(pack_rows)(p->a + top * p->lda + k, p->lda, rows, depth, packed, pitch);
            for (long j = 0, columns; j < p->n; j += columns) {
                const long rest = p->n - j;
                const bool is_wide = !copies_a && !panels && rest > PANEL && rest <= WIDE;
                columns = is_wide || rest < PANEL ? rest : PANEL;
                product_tile t = {
                    .a_row = a_row, .a_step = a_step, .b = p->b + k * p->ldb + j, .b_step = p->ldb, .c_row = p->ldc,
                    .depth = depth, .columns = (int)columns, .adds = p->accumulate || k > 0, .alpha = p->alpha,
                };
                if (p->transpose_b) {
                    t.b = panel;
                    t.b_step = is_wide ? WIDE : PANEL;
                    FN(transpose)(p->b + j * p->ldb + k, p->ldb, columns, depth, panel, t.b_step,
                                  p->ldb >= 1024 && p->k >= 1024);
                } else if (panels) {
                    if (j % group == 0) FN(copy)(t.b, p->ldb, least(rest, group), depth, panels);
                    t.b = panels + j % group / PANEL * PANEL_STEP(depth);
                    t.b_step = PANEL;
                }
                const long most = is_wide ? WIDE_ROWS : ROWS, count = (rows + most - 1) / most;
                for (long i = 0; i < count; i++) {
                    const long first = tile_start(i, count, rows), end = tile_start(i + 1, count, rows);
                    if (packed && p->transpose_a) {
                        t.a = packed + first * depth;
                        t.a_step = end - first;
                    } else if (packed) {
                        t.a = packed + first * pitch;
                        t.a_row = pitch;
                    } else {
                        t.a = p->a + (top + first) * a_row + k * a_step;
                    }
                    t.c = p->c + (top + first) * p->ldc + j;
                    FN(tiles)[end - first - 1][(columns - 1) / LANES](&t);
                }
            }
        }
    }
}
#undef PANEL_STEP
#undef WIDE
#undef PANEL
#undef FN
#undef JOIN
#undef JOIN2
#undef LEVEL
#undef TARGET
#undef LANES
#undef ROWS
#undef WIDE_ROWS
#undef vec
#undef fused
#undef load_part
#undef store_part
#undef transpose_lanes
