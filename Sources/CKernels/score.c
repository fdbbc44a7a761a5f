#include <math.h>

#include "CKernels.h"
#include "exponential.h"
#include "largest.h"

typedef struct {
    float top;       // largest logit
    float sum;       // sum of e^((x - top) * inverse_temperature)
    float weighted;  // the same, each term times (x - top) * inverse_temperature
} row_sums;

D3_INLINE row_sums sums_of(const float *restrict x, long v, float inverse_temperature) {
    D3_REORDER_SUMS
    row_sums s = {-INFINITY, 0, 0};
    float top = d3_largest(x, v), sum = 0, weighted = 0;
    for (long i = 0; i < v; i++) {
        float z = (x[i] - top) * inverse_temperature, e = d3_exp(z);
        sum += e;
        // Where e has underflowed z may be -infinity; the product's limit is zero.
        weighted += z > -80.0f ? e * z : 0.0f;
    }
    s.top = top;
    s.sum = sum;
    s.weighted = weighted;
    return s;
}

D3_INLINE long first_equal(const float *restrict x, long v, float value) {
    enum { BLOCK = 256 };
    long start = 0;
    // Whole blocks are searched without a branch per element, which vector code needs.
    for (; start + BLOCK <= v; start += BLOCK) {
        int found = 0;
        for (long i = 0; i < BLOCK; i++) found |= x[start + i] == value;
        if (found) break;
    }
    for (long i = start; i < v; i++)
        if (x[i] == value) return i;
    return 0;
}

D3_KERNEL d3_token_score d3_score(const float *restrict logits, long v) {
    D3_REORDER_SUMS
    row_sums s = sums_of(logits, v, 1.0f);
    long best = first_equal(logits, v, s.top);
    const float before = d3_largest(logits, best), behind = d3_largest(logits + best + 1, v - best - 1);
    const float second = before > behind ? before : behind;
    d3_token_score score;
    score.token = (int32_t)best;
    score.probability = 1.0f / s.sum;
    score.second_probability = v > 1 ? expf(second - s.top) / s.sum : 0.0f;
    score.entropy = logf(s.sum) - s.weighted / s.sum;
    return score;
}

D3_KERNEL d3_row_loss d3_loss_row(const float *restrict logits, long v, int32_t target, float temperature) {
    row_sums plain = sums_of(logits, v, 1.0f);
    d3_row_loss loss;
    loss.cross_entropy = logf(plain.sum) + plain.top - logits[target];
    loss.correct = first_equal(logits, v, plain.top) == target;
    row_sums tempered = temperature == 1.0f ? plain : sums_of(logits, v, 1.0f / temperature);
    loss.entropy = logf(tempered.sum) - tempered.weighted / tempered.sum;
    return loss;
}

D3_KERNEL void d3_loss_row_backward(const float *restrict logits, float *restrict dlogits, long v, int32_t target,
                                    float ce_weight, float entropy_weight, float temperature) {
    D3_REORDER_SUMS
    row_sums plain = sums_of(logits, v, 1.0f);
    float factor = ce_weight / plain.sum, top = plain.top;
    for (long i = 0; i < v; i++) dlogits[i] = factor * d3_exp(logits[i] - top);
    dlogits[target] -= ce_weight;
    if (entropy_weight == 0) return;
    // dH/dx_j = -(1/temperature) q_j (ln q_j + H), with ln q_j = z_j - ln(sum).
    float inverse = 1.0f / temperature;
    row_sums s = temperature == 1.0f ? plain : sums_of(logits, v, inverse);
    float log_sum = logf(s.sum), entropy = log_sum - s.weighted / s.sum;
    float scale = -entropy_weight * inverse / s.sum;
    for (long i = 0; i < v; i++) {
        float z = (logits[i] - top) * inverse;
        dlogits[i] += z > -80.0f ? scale * d3_exp(z) * (z - log_sum + entropy) : 0.0f;
    }
}

D3_KERNEL float d3_soft_cross_entropy(const float *restrict logits, const float *restrict target, long v) {
    D3_REORDER_SUMS
    row_sums s = sums_of(logits, v, 1.0f);
    float log_sum = logf(s.sum), sum = 0;
    for (long i = 0; i < v; i++) sum += target[i] * (log_sum - (logits[i] - s.top));
    return sum;
}

D3_KERNEL void d3_soft_cross_entropy_backward(const float *restrict logits, const float *restrict target,
                                              float *restrict dlogits, long v, float weight) {
    D3_REORDER_SUMS
    row_sums s = sums_of(logits, v, 1.0f);
    float inverse = 1.0f / s.sum;
    for (long i = 0; i < v; i++) dlogits[i] = weight * (d3_exp(logits[i] - s.top) * inverse - target[i]);
}

D3_KERNEL void d3_softmax(const float *restrict logits, float *restrict probabilities, long v) {
    D3_REORDER_SUMS
    row_sums s = sums_of(logits, v, 1.0f);
    float inverse = 1.0f / s.sum;
    for (long i = 0; i < v; i++) probabilities[i] = d3_exp(logits[i] - s.top) * inverse;
}
