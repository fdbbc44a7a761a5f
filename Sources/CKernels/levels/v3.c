// AVX2: sixteen lanes in two registers.
#if defined(__x86_64__)
#include <immintrin.h>

#include "levels.h"

#pragma clang attribute push(__attribute__((target("arch=x86-64-v3"))), apply_to = function)
#define D3_V3
#define D3_IS_FUSED true
#define D3_FAST true
#define D3_TABLE d3_v3
#define D3_NAME "x86-64-v3"
#define D3_PRODUCT d3_product_v3
#include "table.h"
#pragma clang attribute pop
#endif
