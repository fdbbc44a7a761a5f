#include "CKernels.h"
#include "exponential.h"

D3_KERNEL void d3_swiglu(const float *restrict gate, const float *restrict up, float *restrict h, long n) {
    for (long i = 0; i < n; i++) h[i] = gate[i] / (1.0f + d3_exp(-gate[i])) * up[i];
}

D3_KERNEL void d3_swiglu_backward(const float *restrict dh, const float *restrict gate, const float *restrict up,
                                  float *restrict dgate, float *restrict dup, long n) {
    for (long i = 0; i < n; i++) {
        float sigmoid = 1.0f / (1.0f + d3_exp(-gate[i]));
        float silu = gate[i] * sigmoid;
        dup[i] = dh[i] * silu;
        dgate[i] = dh[i] * up[i] * (sigmoid + silu * (1.0f - sigmoid));
    }
}
