// The f32 product for any CPU: a row of C at a time. Included by a level with D3_FUSED and D3_PRODUCT.
#include "f32_chunks.h"

void D3_PRODUCT(const d3_product *p) {
    enum { COLUMNS = 64 };
    const long a_row = p->transpose_a ? 1 : p->lda, a_step = p->transpose_a ? p->lda : 1;
    const long b_step = p->transpose_b ? 1 : p->ldb, b_column = p->transpose_b ? p->ldb : 1;
    for (long i = 0; i < p->m; i++)
        for (long j = 0; j < p->n; j += COLUMNS) {
            const long columns = p->n - j < COLUMNS ? p->n - j : COLUMNS;
            float *c = p->c + i * p->ldc + j;
            for (long k = 0, depth; k < p->k; k += depth) {
                depth = chunk_depth(p->k - k);
                float sum[COLUMNS] = {0};
                for (long l = k; l < k + depth; l++) {
                    const float a = p->a[i * a_row + l * a_step], *b = p->b + l * b_step + j * b_column;
                    for (long x = 0; x < columns; x++) sum[x] = D3_FUSED(a, b[x * b_column], sum[x]);
                }
                for (long x = 0; x < columns; x++)
                    c[x] = p->accumulate || k > 0 ? D3_FUSED(p->alpha, sum[x], c[x]) : p->alpha * sum[x];
            }
        }
}
