// The f32 product for one instruction level. Included once per level with:
//   LEVEL   suffix of the names
//   TARGET  function attribute that turns the level on
//   LANES   floats in a vector
//   ROWS    rows of the largest tile; 2 * ROWS + 2 vectors must fit the registers
//   vec, load_part(p, n), store_part(p, v, n): a vector, and its first n lanes from and to memory
//   transpose_lanes(rows): LANES vectors, transposed in registers
//
// A tile is up to ROWS rows by up to two vectors of columns of C. Every element of C is a sum over k in ascending
// order in one register per chunk of k, whatever tile it is in: so its value does not depend on how many rows or
// columns the product has, nor on threads.
#define JOIN2(a, b) a##_##b
#define JOIN(a, b) JOIN2(a, b)
#define FN(name) JOIN(name, LEVEL)
#define PANEL (2 * LANES)

TARGET D3_INLINE void FN(tile)(const int rows, const int vectors, const product_tile *t) {
    _Pragma("clang fp contract(fast)");
    vec sum[ROWS][2];
    const float *b = t->b;
    const long depth = t->depth, a_row = t->a_row, a_step = t->a_step, b_step = t->b_step;
    const float *a = t->a;
    const int last = t->columns - (vectors - 1) * LANES;
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) sum[i][j] = (vec){0};
    _Pragma("clang loop unroll(disable)") for (long k = 0; k < depth; k++) {
        vec right[2];
        for (int j = 0; j < vectors; j++)
            right[j] = j == vectors - 1 ? load_part(b + j * LANES, last) : load_part(b + j * LANES, LANES);
        _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
            for (int j = 0; j < vectors; j++) sum[i][j] += a[i * a_row] * right[j];
        a += a_step;
        b += b_step;
    }
    const float alpha = t->alpha;
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        for (int j = 0; j < vectors; j++) {
            int lanes = j == vectors - 1 ? last : LANES;
            float *c = t->c + i * t->c_row + j * LANES;
            vec result = t->adds ? alpha * sum[i][j] + load_part(c, lanes) : alpha * sum[i][j];
            store_part(c, result, lanes);
        }
}

#define TILE(rows)                                                                                        \
    TARGET static __attribute__((noinline)) void FN(tile_##rows##_1)(const product_tile *t) { FN(tile)(rows, 1, t); } \
    TARGET static __attribute__((noinline)) void FN(tile_##rows##_2)(const product_tile *t) { FN(tile)(rows, 2, t); }
TILE(1) TILE(2) TILE(3) TILE(4) TILE(5) TILE(6)
#if ROWS == 12
TILE(7) TILE(8) TILE(9) TILE(10) TILE(11) TILE(12)
#endif
#undef TILE

#define PAIR(rows) {FN(tile_##rows##_1), FN(tile_##rows##_2)}
static void (*const FN(tiles)[ROWS][2])(const product_tile *) = {
    PAIR(1), PAIR(2), PAIR(3), PAIR(4), PAIR(5), PAIR(6),
#if ROWS == 12
    PAIR(7), PAIR(8), PAIR(9), PAIR(10), PAIR(11), PAIR(12),
#endif
};
#undef PAIR

/// The LANES x LANES block at `b`, transposed.
TARGET D3_INLINE void FN(transpose_block)(const float *restrict b, long b_row, float *restrict out) {
    vec rows[LANES];
    _Pragma("clang loop unroll(full)") for (int r = 0; r < LANES; r++) rows[r] = load_part(b + r * b_row, LANES);
    transpose_lanes(rows);
    _Pragma("clang loop unroll(full)") for (int r = 0; r < LANES; r++) store_part(out + r * PANEL, rows[r], LANES);
}

/// `columns` columns of op(b), `depth` deep, from the rows of b: panel[depth][PANEL].
TARGET static void FN(transpose)(const float *restrict b, long b_row, long columns, long depth, float *restrict panel) {
    long j = 0;
    for (; j + LANES <= columns; j += LANES) {
        long k = 0;
        for (; k + LANES <= depth; k += LANES) FN(transpose_block)(b + j * b_row + k, b_row, panel + k * PANEL + j);
        for (; k < depth; k++)
            for (int l = 0; l < LANES; l++) panel[k * PANEL + j + l] = b[(j + l) * b_row + k];
    }
    for (; j < columns; j++)
        for (long k = 0; k < depth; k++) panel[k * PANEL + j] = b[j * b_row + k];
}

TARGET static void FN(product)(const d3_product *p) {
    float panel[DEPTH * PANEL] __attribute__((aligned(64)));
    const long a_row = p->transpose_a ? 1 : p->lda, a_step = p->transpose_a ? p->lda : 1;
    const long band = band_rows(p->k < DEPTH ? p->k : DEPTH);
    for (long top = 0; top < p->m; top += band) {
        const long rows = p->m - top < band ? p->m - top : band;
        const long tiles = (rows + ROWS - 1) / ROWS;
        for (long k = 0, depth; k < p->k; k += depth) {
            depth = chunk_depth(p->k - k);
            for (long j = 0; j < p->n; j += PANEL) {
                const long columns = p->n - j < PANEL ? p->n - j : PANEL;
                product_tile t = {
                    .a_row = a_row, .a_step = a_step, .b = p->b + k * p->ldb + j, .b_step = p->ldb, .c_row = p->ldc,
                    .depth = depth, .columns = (int)columns, .adds = p->accumulate || k > 0, .alpha = p->alpha,
                };
                if (p->transpose_b) {
                    FN(transpose)(p->b + j * p->ldb + k, p->ldb, columns, depth, panel);
                    t.b = panel;
                    t.b_step = PANEL;
                }
                for (long i = 0; i < tiles; i++) {
                    const long first = i * rows / tiles, end = (i + 1) * rows / tiles;
                    t.a = p->a + (top + first) * a_row + k * a_step;
                    t.c = p->c + (top + first) * p->ldc + j;
                    FN(tiles)[end - first - 1][columns > LANES](&t);
                }
            }
        }
    }
}
#undef PANEL
#undef FN
#undef JOIN
#undef JOIN2
#undef LEVEL
#undef TARGET
#undef LANES
#undef ROWS
#undef vec
#undef load_part
#undef store_part
#undef transpose_lanes
