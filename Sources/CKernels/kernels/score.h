#include "exponential.h"
#include "largest.h"

typedef struct {
    float top;       // largest logit
    float sum;       // sum of e^((x - top) * inverse_temperature)
    float weighted;  // the same, each term times (x - top) * inverse_temperature
} row_sums;

D3_INLINE row_sums sums_of(const float *restrict x, long v, float inverse_temperature) {
    const float top = largest(x, v);
    lanes sum = splat(0), weighted = splat(0);
    EACH_LANES(i, count, v, {
        // Lanes beyond the row are as good as underflowed.
        const lanes z = (keep(load(x + i, count), count, -INFINITY) - splat(top)) * splat(inverse_temperature);
        const lanes e = exponential(z);
        sum += keep(e, count, 0);
        // Where e has underflowed z may be -infinity; the product's limit is zero.
        weighted = z > splat(-80.0f) ? fused(e, z, weighted) : weighted;
    });
    return (row_sums){top, total(sum), total(weighted)};
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

static d3_token_score score(const float *restrict logits, long v) {
    const row_sums s = sums_of(logits, v, 1.0f);
    const long best = first_equal(logits, v, s.top);
    const float before = largest(logits, best), behind = largest(logits + best + 1, v - best - 1);
    const float second = before > behind ? before : behind;
    d3_token_score score;
    score.token = (int32_t)best;
    score.probability = 1.0f / s.sum;
    score.second_probability = v > 1 && second > -INFINITY ? exponential_of(second - s.top) / s.sum : 0.0f;
    score.entropy = logarithm_of(s.sum) - s.weighted / s.sum;
    return score;
}

static d3_row_loss loss_row(const float *restrict logits, long v, int32_t target, float temperature) {
    const row_sums plain = sums_of(logits, v, 1.0f);
    d3_row_loss loss;
    loss.cross_entropy = logarithm_of(plain.sum) + plain.top - logits[target];
    loss.correct = first_equal(logits, v, plain.top) == target;
    const row_sums tempered = temperature == 1.0f ? plain : sums_of(logits, v, 1.0f / temperature);
    loss.entropy = logarithm_of(tempered.sum) - tempered.weighted / tempered.sum;
    return loss;
}

static void loss_row_backward(const float *restrict logits, float *restrict dlogits, long v, int32_t target,
                              float ce_weight, float entropy_weight, float temperature) {
    const row_sums plain = sums_of(logits, v, 1.0f);
    const lanes factor = splat(ce_weight / plain.sum), top = splat(plain.top);
    EACH_LANES(i, count, v, { store(dlogits + i, factor * exponential(load(logits + i, count) - top), count); });
    dlogits[target] -= ce_weight;
    if (entropy_weight == 0) return;
    // dH/dx_j = -(1/temperature) q_j (ln q_j + H), with ln q_j = z_j - ln(sum).
    const float inverse = 1.0f / temperature;
    const row_sums s = temperature == 1.0f ? plain : sums_of(logits, v, inverse);
    const float log_sum = logarithm_of(s.sum), entropy = log_sum - s.weighted / s.sum;
    const lanes scale = splat(-entropy_weight * inverse / s.sum);
    EACH_LANES(i, count, v, {
        const lanes z = (load(logits + i, count) - top) * splat(inverse);
        const lanes change = scale * exponential(z) * (z - splat(log_sum) + splat(entropy));
        store(dlogits + i, load(dlogits + i, count) + (z > splat(-80.0f) ? change : splat(0)), count);
    });
}

static float soft_cross_entropy(const float *restrict logits, const float *restrict target, long v) {
    const row_sums s = sums_of(logits, v, 1.0f);
    const lanes log_sum = splat(logarithm_of(s.sum));
    lanes sum = splat(0);
    EACH_LANES(i, count, v, {
        sum = fused(load(target + i, count), log_sum - (load(logits + i, count) - splat(s.top)), sum);
    });
    return total(sum);
}

static void soft_cross_entropy_backward(const float *restrict logits, const float *restrict target,
                                        float *restrict dlogits, long v, float weight) {
    const row_sums s = sums_of(logits, v, 1.0f);
    const lanes inverse = splat(1.0f / s.sum), top = splat(s.top);
    EACH_LANES(i, count, v, {
        const lanes p = exponential(load(logits + i, count) - top);
        store(dlogits + i, splat(weight) * fused(p, inverse, -load(target + i, count)), count);
    });
}

static void softmax(const float *restrict logits, float *restrict probabilities, long v) {
    const row_sums s = sums_of(logits, v, 1.0f);
    const lanes inverse = splat(1.0f / s.sum), top = splat(s.top);
    EACH_LANES(i, count, v, {
        store(probabilities + i, exponential(load(logits + i, count) - top) * inverse, count);
    });
}
