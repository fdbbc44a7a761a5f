// Which level is in use, and the kernels that callers name.
#include "levels.h"

#include "../products/f32_chunks.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const d3_kernels *chosen = &d3_plain;
static char problem[256];

const d3_kernels *d3_kernels_at(const char *name) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    const bool has_v4 = __builtin_cpu_supports("x86-64-v4"), has_v3 = __builtin_cpu_supports("x86-64-v3");
    if (strcmp(name, d3_v4.name) == 0) return has_v4 ? &d3_v4 : NULL;
    if (strcmp(name, d3_v3.name) == 0) return has_v3 ? &d3_v3 : NULL;
    if (strcmp(name, d3_plain.name) == 0) return __builtin_cpu_supports("fma") ? &d3_plain_fused : &d3_plain;
    return NULL;
#else
    return strcmp(name, d3_plain.name) == 0 ? &d3_plain : NULL;
#endif
}

__attribute__((constructor(101))) static void choose(void) {
    const char *const names[] = {"x86-64-v4", "x86-64-v3", "plain"}, *const values[] = {"v4", "v3", "plain"};
    for (int i = 2; i >= 0; i--) {
        const d3_kernels *level = d3_kernels_at(names[i]);
        if (level) chosen = level;
    }
    const char *asked = getenv("D3LLM_LEVEL");
    if (!asked || !*asked) return;
    for (int i = 0; i < 3; i++) {
        if (strcmp(asked, values[i]) != 0 && strcmp(asked, names[i]) != 0) continue;
        const d3_kernels *level = d3_kernels_at(names[i]);
        if (level)
            chosen = level;
        else
            snprintf(problem, sizeof problem,
                     "D3LLM_LEVEL asks for the kernels of %s, which this CPU can't run. Its best are those of %s: set "
                     "D3LLM_LEVEL to a lower level, or leave it out",
                     names[i], chosen->name);
        return;
    }
    snprintf(problem, sizeof problem, "D3LLM_LEVEL is \"%.40s\". It has to be v4, v3 or plain", asked);
}

const d3_kernels *d3_chosen_kernels(void) { return chosen; }
const char *d3_level_problem(void) { return *problem ? problem : NULL; }
const char *d3_kernel_level(void) { return chosen->name; }

bool d3_product_available(void) { return chosen->is_fast || (chosen->is_fused && getenv("D3LLM_LEVEL")); }
void d3_product_f32(const d3_product *p) { chosen->product_f32(p); }
long d3_product_chunk(long rest) { return chunk_depth(rest); }

void d3_rms_norm(const float *x, const float *weight, float *y, float *inverse, long n, long d, float epsilon) {
    chosen->rms_norm(x, weight, y, inverse, n, d, epsilon);
}
void d3_rms_norm_backward(const float *dy, const float *x, const float *inverse, const float *weight, float *dx,
                          float *dweight, long n, long d) {
    chosen->rms_norm_backward(dy, x, inverse, weight, dx, dweight, n, d);
}
void d3_rope(float *x, long stride, const float *cosine, const float *sine, const int32_t *positions, long n,
             long heads, long width, float direction) {
    chosen->rope(x, stride, cosine, sine, positions, n, heads, width, direction);
}
void d3_softmax_rows(float *scores, long stride, const int32_t *limits, long n, long d, float scale) {
    chosen->softmax_rows(scores, stride, limits, n, d, scale);
}
void d3_softmax_rows_backward(float *dp, const float *p, long stride, long n, long d, float scale) {
    chosen->softmax_rows_backward(dp, p, stride, n, d, scale);
}
void d3_swiglu(const float *gate, const float *up, float *h, long n) { chosen->swiglu(gate, up, h, n); }
void d3_swiglu_backward(const float *dh, const float *gate, const float *up, float *dgate, float *dup, long n) {
    chosen->swiglu_backward(dh, gate, up, dgate, dup, n);
}
d3_token_score d3_score(const float *logits, long v) { return chosen->score(logits, v); }
d3_row_loss d3_loss_row(const float *logits, long v, int32_t target, float temperature) {
    return chosen->loss_row(logits, v, target, temperature);
}
void d3_loss_row_backward(const float *logits, float *dlogits, long v, int32_t target, float ce_weight,
                          float entropy_weight, float temperature) {
    chosen->loss_row_backward(logits, dlogits, v, target, ce_weight, entropy_weight, temperature);
}
float d3_soft_cross_entropy(const float *logits, const float *target, long v) {
    return chosen->soft_cross_entropy(logits, target, v);
}
void d3_soft_cross_entropy_backward(const float *logits, const float *target, float *dlogits, long v, float weight) {
    chosen->soft_cross_entropy_backward(logits, target, dlogits, v, weight);
}
void d3_softmax(const float *logits, float *probabilities, long v) { chosen->softmax(logits, probabilities, v); }
void d3_add(float *y, const float *x, long n) { chosen->add(y, x, n); }
void d3_scale(float *x, float factor, long n) { chosen->scale(x, factor, n); }
void d3_axpy(float *y, float a, const float *x, long n) { chosen->axpy(y, a, x, n); }
double d3_sum_of_squares(const float *x, long n) { return chosen->sum_of_squares(x, n); }
void d3_add_row(float *y, long stride, const float *row, long n, long d) { chosen->add_row(y, stride, row, n, d); }
void d3_sum_rows(const float *x, long stride, float *sum, long n, long d) { chosen->sum_rows(x, stride, sum, n, d); }
void d3_bf16_to_f32(const uint16_t *x, float *y, long n) { chosen->bf16_to_f32(x, y, n); }
void d3_f32_to_bf16(const float *x, uint16_t *y, long n) { chosen->f32_to_bf16(x, y, n); }
void d3_adamw(float *p, const float *g, float *m, float *v, long n, float gradient_scale, float lr, float beta1,
              float beta2, float epsilon, float decay, float correction1, float correction2) {
    chosen->adamw(p, g, m, v, n, gradient_scale, lr, beta1, beta2, epsilon, decay, correction1, correction2);
}
void d3_nesterov(const float *g, float *m, float *out, long n, float gradient_scale, float beta) {
    chosen->nesterov(g, m, out, n, gradient_scale, beta);
}
