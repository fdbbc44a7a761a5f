#pragma once
// The tables, and the products that they name.
#include "d3_levels.h"

extern const d3_kernels d3_plain, d3_plain_fused, d3_v3, d3_v4;
void d3_product_plain(const d3_product *);
void d3_product_plain_fused(const d3_product *);
void d3_product_v3(const d3_product *);
void d3_product_v4(const d3_product *);
