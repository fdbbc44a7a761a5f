#include "transpose.h"

#include "d3_products.h"

static void plain_transpose(const float *restrict x, long ldx, long m, long n, float *restrict y, long ldy) {
    for (long i = 0; i < m; i++)
        for (long j = 0; j < n; j++) y[j * ldy + i] = x[i * ldx + j];
}

#if defined(__x86_64__)
D3_V4 static void fast_transpose(const float *restrict x, long ldx, long m, long n, float *restrict y, long ldy) {
    long i = 0;
    for (; i + 16 <= m; i += 16) {
        long j = 0;
        for (; j + 16 <= n; j += 16) {
            __m512 rows[16];
            for (int r = 0; r < 16; r++) rows[r] = _mm512_loadu_ps(x + (i + r) * ldx + j);
            transpose16(rows);
            for (int r = 0; r < 16; r++) _mm512_storeu_ps(y + (j + r) * ldy + i, rows[r]);
        }
        plain_transpose(x + i * ldx + j, ldx, 16, n - j, y + j * ldy + i, ldy);
    }
    plain_transpose(x + i * ldx, ldx, m - i, n, y + i, ldy);
}

void d3_transpose(const float *x, long ldx, long m, long n, float *y, long ldy) {
    if (__builtin_cpu_supports("x86-64-v4"))
        fast_transpose(x, ldx, m, n, y, ldy);
    else
        plain_transpose(x, ldx, m, n, y, ldy);
}
#else
void d3_transpose(const float *x, long ldx, long m, long n, float *y, long ldy) {
    plain_transpose(x, ldx, m, n, y, ldy);
}
#endif
