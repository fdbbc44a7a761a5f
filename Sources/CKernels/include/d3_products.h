#pragma once
// Matrix products of this project's own, for CPUs with AVX2 or AVX-512.
//
// Letters: M rows of the left matrix and of the result, N columns of the result, K the summed dimension.
// Every element of a result is summed over k in one order that depends on K alone. So its bits don't depend on M, N,
// the place in the matrix, or the number of threads: a row gives the same result in every batch.
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// c[M,N] = alpha * op(a) op(b), plus c when it accumulates; row-major, ld* elements from row to row.
typedef struct {
    const float *a, *b;
    float *c;
    long m, n, k;
    long lda, ldb, ldc;
    float alpha;
    bool transpose_a;  ///< a is [K,M]
    bool transpose_b;  ///< b is [N,K]
    bool accumulate;
} d3_product;

/// Whether this CPU has what ``d3_product_f32`` needs.
bool d3_product_available(void);
/// One thread; `m`, `n` and `k` at least 1.
void d3_product_f32(const d3_product *product);
/// How many of the last `rest` terms of a sum are added up by themselves, before the others.
long d3_product_chunk(long rest);

/// y[N,M] = x[M,N] transposed.
void d3_transpose(const float *x, long ldx, long m, long n, float *y, long ldy);

// Products with packed weights: y[M,N] = x[M,K] weight[N,K]^T. Weights are packed once, the left matrix before each
// product or group of products; both can be done in parts, by bands of columns and by tiles of rows.

/// Columns in a band.
#define D3_BAND 256
/// Rows whose sums a product holds at a time.
#define D3_BLOCK 384

/// Number of bands of N columns.
long d3_product_bands(long n);
/// Number of tiles of M rows.
long d3_product_tiles(long m);

/// What computes products of bfloat16: "AVX512_BF16", "AVX512_F", "AVX2", or "widened", which is code for any CPU.
const char *d3_bf16_level(void);
/// The name of the form that is `index`th best of those that can be used here; NULL behind the last.
const char *d3_bf16_level_at(int index);
/// Elements of a packed weight.
long d3_bf16_weight_count(long n, long k);
/// Elements of a packed left matrix.
long d3_bf16_left_count(long m, long k);
/// Packs the bands [first, end) of w[N,K].
void d3_bf16_pack_weight(const uint16_t *w, long ldw, long n, long k, uint16_t *packed, long first, long end);
/// Packs the transpose of w[K,N], whose rows are `ldw` elements apart, as a whole weight of N at most D3_BAND.
void d3_bf16_pack_transposed(const uint16_t *w, long ldw, long n, long k, uint16_t *packed);
/// Rounds the tiles [first, end) of x[M,K] to bfloat16 and packs them.
void d3_bf16_pack_left(const float *x, long ldx, long m, long k, uint16_t *packed, long first, long end);
/// The bands [first, end) of y, or of what is added to y, summed in 32 bits. `sums` is scratch of D3_BLOCK x D3_BAND
/// floats.
void d3_bf16_product(const uint16_t *left, long m, long k, const uint16_t *weight, long n, long first, long end,
                     bool accumulate, float *sums, float *y, long ldy);
/// The same in another form: the sums of the last two differ in no bit where the CPU has fused multiply-adds.
void d3_bf16_product_at(int index, const uint16_t *left, long m, long k, const uint16_t *weight, long n, long first,
                        long end, float *sums, float *y, long ldy);

/// What computes products of 8-bit integers: "AVX512_VNNI", "AVX_VNNI", "AVX2", or "widened"; the sums are the same.
const char *d3_int8_level(void);
/// The name of the form that is `index`th best of those that can be used here; NULL behind the last.
const char *d3_int8_level_at(int index);
/// Elements of a packed weight.
long d3_int8_weight_count(long n, long k);
/// Elements of a packed left matrix.
long d3_int8_left_count(long m, long k);
/// y[n] = round(x / scale) with the scale that makes the largest magnitude 127; gives the scale.
/// Where x has a value that is not finite, y is 0 and the scale NaN, so that every product with it is NaN; magnitudes
/// below 1e-30 count as 0.
float d3_int8_quantize(const float *x, long n, int8_t *y);
/// y[n] = x[n], exactly: for products with weights of eight bits in other precisions.
void d3_int8_to_f32(const int8_t *x, float *y, long n);
void d3_int8_to_bf16(const int8_t *x, uint16_t *y, long n);
/// Sum of x[n].
int32_t d3_int8_sum(const int8_t *x, long n);
/// Packs the bands [first, end) of w[N,K].
void d3_int8_pack_weight(const int8_t *w, long ldw, long n, long k, int8_t *packed, long first, long end);
/// Quantises the tiles [first, end) of x[M,K], each row with a scale of its own, and packs them. `scratch` has as many
/// elements as `packed`.
void d3_int8_pack_left(const float *x, long ldx, long m, long k, int8_t *scratch, uint8_t *packed, float *scales,
                       long first, long end);
/// The bands [first, end) of y = (x weight^T) scaled by row and column, summed in 32-bit integers. `sums` is scratch
/// of D3_BLOCK x D3_BAND integers; `weight_sums` are the sums of the weight's rows.
void d3_int8_product(const uint8_t *left, const float *left_scales, long m, long k, const int8_t *weight,
                     const float *weight_scales, const int32_t *weight_sums, long n, long first, long end, int32_t *sums,
                     float *y, long ldy);
/// The same in another form.
void d3_int8_product_at(int index, const uint8_t *left, const float *left_scales, long m, long k, const int8_t *weight,
                        const float *weight_scales, const int32_t *weight_sums, long n, long first, long end,
                        int32_t *sums, float *y, long ldy);

#ifdef __cplusplus
}
#endif
