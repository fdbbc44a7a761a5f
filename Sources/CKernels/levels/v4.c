// AVX-512: sixteen lanes in one register.
#if defined(__x86_64__)
#include <immintrin.h>

#include "levels.h"

#pragma clang attribute push(__attribute__((target("arch=x86-64-v4"))), apply_to = function)
#pragma clang attribute push(__attribute__((min_vector_width(512))), apply_to = function)
#define D3_V4
#define D3_IS_FUSED true
#define D3_FAST true
#define D3_TABLE d3_v4
#define D3_NAME "x86-64-v4"
#define D3_PRODUCT d3_product_v4
#include "table.h"
#pragma clang attribute pop
#pragma clang attribute pop
#endif
