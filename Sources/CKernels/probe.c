#define _GNU_SOURCE
#include <sched.h>
#include <unistd.h>

#include "CKernels.h"
#include "dispatch.h"

int d3_processor_count(void) {
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
}

// Twelve chains of sixteen lanes: enough independent work to hide the latency of two FMA units.
enum { CHAINS = 12, LANES = 16 };
typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

#if defined(__x86_64__)
__attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), min_vector_width(512)))
#endif
double
d3_fma_probe(long iterations, float *sink) {
    _Pragma("clang fp contract(fast)");
    lanes sums[CHAINS], factor, addend;
    for (int l = 0; l < LANES; l++) {
        factor[l] = 0.999f + 0.0001f * *sink;
        addend[l] = 0.001f;
    }
    for (int c = 0; c < CHAINS; c++) sums[c] = addend * (float)(c + 1);
    for (long i = 0; i < iterations; i++)
        for (int c = 0; c < CHAINS; c++) sums[c] = sums[c] * factor + addend;
    float total = 0;
    for (int c = 0; c < CHAINS; c++)
        for (int l = 0; l < LANES; l++) total += sums[c][l];
    *sink = total;
    return 2.0 * CHAINS * LANES * (double)iterations;
}
