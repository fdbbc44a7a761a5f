#pragma once
// Which instructions a loop is compiled for.
//
// Kernels of 32-bit floats are compiled once per level (levels/) and chosen when the program starts; see d3_levels.h.
// Others are left to the loader, one source for several levels: loops over whole numbers, whose result is exact, and
// products of bfloat16 without instructions for it, which are fused where the CPU can (docs/runs.md).
#if defined(__x86_64__) && defined(__linux__)
#define D3_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define D3_KERNEL
#endif
#define D3_INLINE static inline __attribute__((always_inline))
