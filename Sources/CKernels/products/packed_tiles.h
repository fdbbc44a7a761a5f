// Tiles of a product with a packed weight for CPUs that have one instruction for a group. Included with:
//   TARGET  function attribute that turns the instructions on
//   vec, zero(), load(p), store(p, v): a vector of sixteen sums of 32 bits
//   dot(sum, left, right): `sum` plus the product of a row's group, in all lanes, with the groups of sixteen columns
#define GROUPS_OF_16 64

TARGET D3_INLINE void fast_tile(const int rows, const packed_tile *t) {
    vec sum[ROWS][2];
    uint32_t *out = t->sums;
    const uint32_t *left = t->left;
    const uint8_t *right = t->right;
    const char *ahead = t->ahead;
    long lines = t->lines;
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        for (int j = 0; j < 2; j++) sum[i][j] = t->adds ? load(out + i * D3_BAND + j * 16) : zero();
    // Unrolled, tiles of eleven rows would spill.
    _Pragma("clang loop unroll(disable)") for (long g = 0; g < t->groups; g++) {
        if (lines > 0) {
            __builtin_prefetch(ahead, 0, 3);
            ahead += 64;
            lines--;
        }
        const __m512i low = _mm512_loadu_si512(right), high = _mm512_loadu_si512(right + GROUPS_OF_16);
        _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++) {
            const __m512i row = _mm512_set1_epi32((int)left[i]);
            sum[i][0] = dot(sum[i][0], row, low);
            sum[i][1] = dot(sum[i][1], row, high);
        }
        left += rows;
        right += PANEL * 4;
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < rows; i++)
        for (int j = 0; j < 2; j++) store(out + i * D3_BAND + j * 16, sum[i][j]);
}

#define FAST(rows) \
    TARGET static void fast_##rows(const packed_tile *t) { fast_tile(rows, t); }
EACH_TILE(FAST)
#define NAME(rows) fast_##rows,
static const tile_function fast_tiles[ROWS] = {EACH_TILE(NAME)};
#undef NAME
#undef FAST
#undef GROUPS_OF_16
