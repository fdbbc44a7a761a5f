// Tiles of a product with a packed weight for CPUs with AVX2: a tile of up to ROWS rows and PANEL columns is computed in
// parts of up to six rows and sixteen columns, whose sums fit sixteen registers. The left matrix is widened first, once
// for all columns. Included with:
//   TARGET   function attribute that turns the instructions on
//   LEVEL    prefix of the names
//   left_t   an element of the widened left matrix
//   WIDTH    how many of them a group of four bytes becomes
//   vec, zero(), load(p), store(p, v): a vector of eight sums of 32 bits
//   widen_left(from, count, to): `count` groups, WIDTH at a time: to[w * LEFT_STEP + i] is the wth element of group i
//   right_t, widen_right(p): what the groups of eight columns at p become, once for all rows
//   dot(sum, left, i, right): `sum` plus the product of the ith group with `right`
#define LEVEL_JOIN2(a, b) a##_##b
#define LEVEL_JOIN(a, b) LEVEL_JOIN2(a, b)
#define LN(name) LEVEL_JOIN(LEVEL, name)
#define LEFT_STEP (DEPTH / 4 * ROWS)

/// Rows [first, first + rows) and columns [column, column + 16) of a tile of `height` rows.
TARGET D3_INLINE void LN(part)(const int rows, const packed_tile *t, const left_t *left, long height, long first,
                               long column) {
    vec sum[6][2];
    uint32_t *out = (uint32_t *)t->sums + first * D3_BAND + column;
    const uint8_t *right = t->right + column * 4;
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        for (int j = 0; j < 2; j++) sum[i][j] = t->adds ? load(out + i * D3_BAND + j * 8) : zero();
    left += first;
    _Pragma("clang loop unroll(disable)") for (long g = 0; g < t->groups; g++) {
        const right_t low = widen_right(right), high = widen_right(right + 32);
        _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {
            sum[i][0] = dot(sum[i][0], left, i, low);
            sum[i][1] = dot(sum[i][1], left, i, high);
        }
        left += height;
        right += PANEL * 4;
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        for (int j = 0; j < 2; j++) store(out + i * D3_BAND + j * 8, sum[i][j]);
}

TARGET D3_INLINE void LN(tile)(const int rows, const packed_tile *t) {
    left_t left[WIDTH * LEFT_STEP] __attribute__((aligned(64)));
    widen_left(t->left, t->groups * rows, left);
    const char *ahead = t->ahead;
    for (long line = 0; line < t->lines; line++) __builtin_prefetch(ahead + line * 64, 0, 2);
    for (long column = 0; column < PANEL; column += 16) {
        LN(part)(rows < 6 ? rows : rows / 2, t, left, rows, 0, column);
        if (rows >= 6) LN(part)(rows - rows / 2, t, left, rows, rows / 2, column);
    }
}

#define LEVEL_TILE(rows) \
    TARGET static void LN(tile_##rows)(const packed_tile *t) { LN(tile)(rows, t); }
EACH_TILE(LEVEL_TILE)
#define LEVEL_NAME(rows) LN(tile_##rows),
static const tile_function LN(tiles)[ROWS] = {EACH_TILE(LEVEL_NAME)};
#undef LEVEL_NAME
#undef LEVEL_TILE
#undef LEFT_STEP
#undef LN
#undef LEVEL_JOIN
#undef LEVEL_JOIN2
