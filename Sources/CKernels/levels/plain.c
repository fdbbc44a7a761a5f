// For any CPU. Without fused multiply-adds the results differ from those of the other levels.
#include "levels.h"

#if defined(__FMA__) || defined(__ARM_FEATURE_FMA) || defined(__riscv_f)
#define D3_FUSED(a, b, c) __builtin_fmaf(a, b, c)
#define D3_IS_FUSED true
#else
#define D3_FUSED(a, b, c) ((a) * (b) + (c))
#define D3_IS_FUSED false
#endif
#define D3_FAST false
#define D3_TABLE d3_plain
#define D3_NAME "plain"
#define D3_PRODUCT d3_product_plain
#include "table.h"
#include "../products/f32_plain.h"
