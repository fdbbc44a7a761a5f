#pragma once
// The kernels of 32-bit floats at each instruction level.
//
// All levels with fused multiply-adds give the same bits: see kernels/lanes.h for the order of sums. "plain" has them
// where the CPU has; on x86-64 CPUs without (before 2013) it rounds products before it adds them.
#include "CKernels.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const char *_Nonnull name;  ///< "x86-64-v4", "x86-64-v3" or "plain"
    bool is_fused;              ///< whether it has fused multiply-adds
    bool is_fast;               ///< whether its products are made for speed
    __typeof__(d3_rms_norm) *_Nonnull rms_norm;
    __typeof__(d3_rms_norm_backward) *_Nonnull rms_norm_backward;
    __typeof__(d3_rope) *_Nonnull rope;
    __typeof__(d3_softmax_rows) *_Nonnull softmax_rows;
    __typeof__(d3_softmax_rows_backward) *_Nonnull softmax_rows_backward;
    __typeof__(d3_swiglu) *_Nonnull swiglu;
    __typeof__(d3_swiglu_backward) *_Nonnull swiglu_backward;
    __typeof__(d3_score) *_Nonnull score;
    __typeof__(d3_loss_row) *_Nonnull loss_row;
    __typeof__(d3_loss_row_backward) *_Nonnull loss_row_backward;
    __typeof__(d3_soft_cross_entropy) *_Nonnull soft_cross_entropy;
    __typeof__(d3_soft_cross_entropy_backward) *_Nonnull soft_cross_entropy_backward;
    __typeof__(d3_softmax) *_Nonnull softmax;
    __typeof__(d3_add) *_Nonnull add;
    __typeof__(d3_scale) *_Nonnull scale;
    __typeof__(d3_axpy) *_Nonnull axpy;
    __typeof__(d3_sum_of_squares) *_Nonnull sum_of_squares;
    __typeof__(d3_add_row) *_Nonnull add_row;
    __typeof__(d3_sum_rows) *_Nonnull sum_rows;
    __typeof__(d3_bf16_to_f32) *_Nonnull bf16_to_f32;
    __typeof__(d3_f32_to_bf16) *_Nonnull f32_to_bf16;
    __typeof__(d3_adamw) *_Nonnull adamw;
    __typeof__(d3_nesterov) *_Nonnull nesterov;
    __typeof__(d3_product_f32) *_Nonnull product_f32;
} d3_kernels;

/// The kernels of the level with this name; NULL where this CPU has no such level.
const d3_kernels *_Nullable d3_kernels_at(const char *_Nonnull name);

/// The kernels in use: the best that the CPU has, or those that D3LLM_LEVEL names (v4, v3 or plain).
const d3_kernels *_Nonnull d3_chosen_kernels(void);

/// What is wrong with D3LLM_LEVEL on this CPU, or NULL. The best level is in use then; who computes has to ask.
const char *_Nullable d3_level_problem(void);

#ifdef __cplusplus
}
#endif
