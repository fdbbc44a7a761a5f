#pragma once
// Elementwise loops, compiled for several CPU levels and chosen when the program starts.
//
// Letters: N rows, D columns, T tokens, H heads, K head width, F feed-forward width, V vocabulary.
// Matrices are row-major; a `stride` argument is the distance between rows in elements.
#include <stdbool.h>
#include <stdint.h>

#include "d3_memory.h"
#include "d3_products.h"

#ifdef __cplusplus
extern "C" {
#endif

/// Name of the instruction level in use: "x86-64-v4", "x86-64-v3" or "plain"; see d3_levels.h.
const char *d3_kernel_level(void);

// kernels/norm.h
/// y[N,D] = x[N,D] * inverse[N] * weight[D], inverse = 1/sqrt(mean(x^2) + epsilon).
void d3_rms_norm(const float *x, const float *weight, float *y, float *inverse, long n, long d, float epsilon);
/// dx[N,D] += gradient through the norm; dweight[D] += sum over rows. y is not needed.
void d3_rms_norm_backward(const float *dy, const float *x, const float *inverse, const float *weight, float *dx,
                          float *dweight, long n, long d);

// kernels/rope.h
/// Rotates x[N,H*K] in place, half-split pairs (i, i + K/2). cosine, sine: [P,K/2]; positions[N] index their
/// rows. `direction` +1 rotates forward, -1 back (the transpose, for gradients).
void d3_rope(float *x, long stride, const float *cosine, const float *sine, const int32_t *positions, long n,
             long heads, long width, float direction);

// kernels/softmax.h
/// In place: row r of scores[N,D] becomes softmax(scale * scores[r, 0..<limits[r]]), zero beyond the limit.
void d3_softmax_rows(float *scores, long stride, const int32_t *limits, long n, long d, float scale);
/// In place: dp[N,D] becomes scale * p * (dp - sum(dp * p)), the gradient of the scores before scaling.
void d3_softmax_rows_backward(float *dp, const float *p, long stride, long n, long d, float scale);

// kernels/swiglu.h
/// h[n] = silu(gate[n]) * up[n].
void d3_swiglu(const float *gate, const float *up, float *h, long n);
/// dgate[n], dup[n] from dh[n]; dgate and dup may alias nothing.
void d3_swiglu_backward(const float *dh, const float *gate, const float *up, float *dgate, float *dup, long n);

// kernels/score.h
typedef struct {
    int32_t token;             ///< argmax, the lowest index among equals
    float probability;         ///< softmax probability of `token`
    float second_probability;  ///< softmax probability of the runner-up
    float entropy;             ///< -sum p ln p, in nats
} d3_token_score;
/// Fused softmax, argmax and entropy of one row of logits[V].
d3_token_score d3_score(const float *logits, long v);

typedef struct {
    float cross_entropy;  ///< -ln softmax(logits)[target]
    float entropy;        ///< -sum q ln q of q = softmax(logits / temperature)
    bool correct;         ///< argmax(logits) == target
} d3_row_loss;
/// Loss terms of one row of logits[V] for one target.
d3_row_loss d3_loss_row(const float *logits, long v, int32_t target, float temperature);
/// dlogits[V] = ce_weight * d(cross_entropy) + entropy_weight * d(entropy).
void d3_loss_row_backward(const float *logits, float *dlogits, long v, int32_t target, float ce_weight,
                          float entropy_weight, float temperature);

/// Cross-entropy of one row of logits[V] against a distribution target[V]: -sum target ln softmax(logits).
float d3_soft_cross_entropy(const float *logits, const float *target, long v);
/// dlogits[V] = weight * (softmax(logits) - target), the gradient of the weighted soft cross-entropy.
void d3_soft_cross_entropy_backward(const float *logits, const float *target, float *dlogits, long v, float weight);
/// probabilities[V] = softmax(logits[V]).
void d3_softmax(const float *logits, float *probabilities, long v);

// kernels/vector.h
void d3_add(float *y, const float *x, long n);                     ///< y += x
void d3_scale(float *x, float factor, long n);                     ///< x *= factor
void d3_axpy(float *y, float a, const float *x, long n);           ///< y += a * x
double d3_sum_of_squares(const float *x, long n);                  ///< in double precision
void d3_add_row(float *y, long stride, const float *row, long n, long d);   ///< y[N,D] += row[D]
void d3_sum_rows(const float *x, long stride, float *sum, long n, long d);  ///< sum[D] += column sums of x[N,D]
void d3_bf16_to_f32(const uint16_t *x, float *y, long n);
void d3_f32_to_bf16(const float *x, uint16_t *y, long n);          ///< round to nearest even, NaN kept

// kernels/optimizer.h
/// One AdamW step as torch does it: p *= 1 - lr * decay, then the bias-corrected Adam update of
/// g * gradient_scale. correction1 = 1 - beta1^t, correction2 = 1 - beta2^t.
void d3_adamw(float *p, const float *g, float *m, float *v, long n, float gradient_scale, float lr, float beta1,
              float beta2, float epsilon, float decay, float correction1, float correction2);
/// Nesterov momentum of Muon: m = beta * m + g * gradient_scale; out = g * gradient_scale + beta * m.
void d3_nesterov(const float *g, float *m, float *out, long n, float gradient_scale, float beta);

// probe.c
/// CPUs in this process's affinity mask, at least 1.
int d3_processor_count(void);

/// Runs `iterations` rounds of independent fused multiply-adds in registers; returns the number of floating
/// point operations done. `sink` keeps the compiler honest.
double d3_fma_probe(long iterations, float *sink);

#ifdef __cplusplus
}
#endif

#include "d3_levels.h"
