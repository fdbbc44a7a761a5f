#pragma once
// Function multi-versioning: one source, several instruction levels, resolved once at load time.
#if defined(__x86_64__) && defined(__linux__)
#define D3_KERNEL __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define D3_KERNEL
#endif
#define D3_INLINE static inline __attribute__((always_inline))
// Sums may be reordered (lane by lane), which vector code needs; the order is fixed for a given CPU level.
#define D3_REORDER_SUMS _Pragma("clang fp reassociate(on) contract(fast)")
