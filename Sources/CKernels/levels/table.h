// All kernels for one level. Included once per level with:
//   D3_TABLE    the table's name
//   D3_NAME     the level's
//   D3_PRODUCT  its f32 product
//   D3_FAST     whether that is made for speed
//   D3_V4, D3_V3, or D3_FUSED(a, b, c), a multiply-add of one lane, and D3_IS_FUSED
#include "d3_levels.h"

#include "../kernels/norm.h"
#include "../kernels/optimizer.h"
#include "../kernels/rope.h"
#include "../kernels/score.h"
#include "../kernels/softmax.h"
#include "../kernels/swiglu.h"
#include "../kernels/vector.h"

const d3_kernels D3_TABLE = {
    .name = D3_NAME,
    .is_fused = D3_IS_FUSED,
    .is_fast = D3_FAST,
    .rms_norm = rms_norm,
    .rms_norm_backward = rms_norm_backward,
    .rope = rope,
    .softmax_rows = softmax_rows,
    .softmax_rows_backward = softmax_rows_backward,
    .swiglu = swiglu,
    .swiglu_backward = swiglu_backward,
    .score = score,
    .loss_row = loss_row,
    .loss_row_backward = loss_row_backward,
    .soft_cross_entropy = soft_cross_entropy,
    .soft_cross_entropy_backward = soft_cross_entropy_backward,
    .softmax = softmax,
    .add = add,
    .scale = scale,
    .axpy = axpy,
    .sum_of_squares = sum_of_squares,
    .add_row = add_row,
    .sum_rows = sum_rows,
    .bf16_to_f32 = bf16_to_f32,
    .f32_to_bf16 = f32_to_bf16,
    .adamw = adamw,
    .nesterov = nesterov,
    .product_f32 = D3_PRODUCT,
};
