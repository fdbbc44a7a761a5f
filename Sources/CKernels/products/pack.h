#pragma once
// Moving groups of four bytes from rows to the packed forms.
#include <string.h>

#include "packed.h"
#include "transpose.h"

/// out[g * out_row + i] = groups g of row i, for `rows` rows (at most 16) of `groups` whole groups each.
static inline void plain_interleave(const uint8_t *from, long row_bytes, long rows, long groups, uint32_t *out, long out_row) {
    for (long i = 0; i < rows; i++)
        for (long g = 0; g < groups; g++) memcpy(&out[g * out_row + i], from + i * row_bytes + 4 * g, 4);
}

#if defined(__x86_64__)
D3_V4 static void fast_interleave(const uint8_t *from, long row_bytes, long rows, long groups, uint32_t *out, long out_row) {
    long g = 0;
    for (; g + 16 <= groups; g += 16) {
        __m512 block[16];
        for (int i = 0; i < 16; i++)
            block[i] = i < rows ? _mm512_loadu_ps(from + i * row_bytes + 4 * g) : _mm512_setzero_ps();
        transpose16(block);
        for (int i = 0; i < 16; i++) _mm512_mask_storeu_ps(out + (g + i) * out_row, first_lanes(rows), block[i]);
    }
    plain_interleave(from + 4 * g, row_bytes, rows, groups - g, out + g * out_row, out_row);
}

static inline void interleave(const uint8_t *from, long row_bytes, long rows, long groups, uint32_t *out, long out_row) {
    if (__builtin_cpu_supports("x86-64-v4"))
        fast_interleave(from, row_bytes, rows, groups, out, out_row);
    else
        plain_interleave(from, row_bytes, rows, groups, out, out_row);
}
#else
#define interleave plain_interleave
#endif

/// Packs the bands [first, end) of a weight of `n` columns of `k` elements of `size` bytes.
static inline void pack_weight(const uint8_t *w, long row_bytes, long n, long k, long size, uint8_t *packed, long first,
                               long end) {
    const long bytes = padded_bytes(k, size), whole_bytes = k * size / 4 * 4, panels = panels_of(n);
    const long stop = least(end * (D3_BAND / PANEL), panels);
    for (long panel = first * (D3_BAND / PANEL); panel < stop; panel++)
        for (long at = 0; at < bytes; at += DEPTH) {
            uint32_t *out = (uint32_t *)(packed + chunk_offset(panel, at, panels, bytes));
            const long depth = least(DEPTH, bytes - at), whole = least(depth, whole_bytes - at) / 4;
            const long columns = least(PANEL, n - panel * PANEL);
            const uint8_t *from = w + panel * PANEL * row_bytes + at;
            if (columns < PANEL || whole < depth / 4) memset(out, 0, depth * PANEL);
            for (long j = 0; j < columns; j += 16)
                interleave(from + j * row_bytes, row_bytes, least(16, columns - j), whole, out + j, PANEL);
            if (whole < depth / 4)
                for (long j = 0; j < columns; j++)
                    memcpy(&out[whole * PANEL + j], from + j * row_bytes + 4 * whole, k * size - whole_bytes);
        }
}
