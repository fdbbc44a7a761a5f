// No vectors but those that the compiler makes of loops over lanes, with fused multiply-adds: what the other levels are
// compared with.
#if defined(__x86_64__)
#include "levels.h"

#pragma clang attribute push(__attribute__((target("fma"))), apply_to = function)
#define D3_FUSED(a, b, c) __builtin_fmaf(a, b, c)
#define D3_IS_FUSED true
#define D3_FAST false
#define D3_TABLE d3_plain_fused
#define D3_NAME "plain"
#define D3_PRODUCT d3_product_plain_fused
#include "table.h"
#include "../products/f32_plain.h"
#pragma clang attribute pop
#endif
