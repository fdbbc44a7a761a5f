// Tiles of a product with a packed weight for CPUs without an instruction for its groups, or with a slow one: a tile of up
// to ROWS rows and PANEL columns is computed in parts whose sums fit the registers, up to PART_ROWS rows and two vectors of
// columns. The left matrix is widened first, once for all columns. Included with:
//   TARGET   function attribute that turns the instructions on
//   LEVEL    prefix of the names
//   left_t   an element of the widened left matrix
//   WIDTH    how many of them a group of four bytes becomes
//   LANES, PART_ROWS  sums in a vector, and rows of the largest part: half of ROWS or all of them
//   vec, zero(), load(p), store(p, v): a vector of LANES sums of 32 bits
//   widen_left(from, count, to): `count` groups, WIDTH at a time: to[w * LEFT_STEP + i] is the wth element of group i
//   right_t, widen_right(p): what the groups of LANES columns at p become, once for all rows
//   dot(sum, left, i, right): `sum` plus the product of the ith group with `right`
#define LEVEL_JOIN2(a, b) a##_##b
#define LEVEL_JOIN(a, b) LEVEL_JOIN2(a, b)
#define LN(name) LEVEL_JOIN(LEVEL, name)
#define LEFT_STEP (DEPTH / 4 * ROWS)

/// Rows [first, first + rows) and columns [column, column + 2 * LANES) of a tile of `height` rows.
///
/// Fetches `lines` lines from `ahead` on into the cache meanwhile: all at once they would hold up what is computed.
TARGET D3_INLINE void LN(part)(const int rows, const packed_tile *t, const left_t *left, long height, long first,
                               long column, const char *ahead, long lines) {
    vec sum[PART_ROWS][2];
    uint32_t *out = (uint32_t *)t->sums + first * D3_BAND + column;
    const uint8_t *right = t->right + column * 4;
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        for (int j = 0; j < 2; j++) sum[i][j] = t->adds ? load(out + i * D3_BAND + j * LANES) : zero();
    left += first;
    _Pragma("clang loop unroll(disable)") for (long g = 0; g < t->groups; g++) {
        if (g < lines) __builtin_prefetch(ahead + g * 64, 0, 2);
        const right_t low = widen_right(right), high = widen_right(right + 4 * LANES);
        _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {
            sum[i][0] = dot(sum[i][0], left, i, low);
            sum[i][1] = dot(sum[i][1], left, i, high);
        }
        left += height;
        right += PANEL * 4;
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        for (int j = 0; j < 2; j++) store(out + i * D3_BAND + j * LANES, sum[i][j]);
}

TARGET D3_INLINE void LN(tile)(const int rows, const packed_tile *t) {
    left_t left[WIDTH * LEFT_STEP] __attribute__((aligned(64)));
    widen_left(t->left, t->groups * rows, left);
    const char *ahead = t->ahead;
    long lines = t->lines;
    const int first = PART_ROWS == ROWS || rows < PART_ROWS ? rows : rows / 2;
    for (long column = 0; column < PANEL; column += 2 * LANES) {
        LN(part)(first, t, left, rows, 0, column, ahead, lines);
        ahead += t->groups * 64;
        lines -= t->groups;
        if (first < rows) LN(part)(rows - first, t, left, rows, first, column, ahead, 0);
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
