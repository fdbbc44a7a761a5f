#pragma once
// OpenBLAS, loaded at run time.
//
// OpenBLAS picks its kernels in a constructor that runs when the library is mapped, and it falls back to
// slow ones on CPUs that are newer than itself. The choice can only be made through the environment, so it
// must be made before the library is loaded: hence dlopen instead of linking.
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// Loads OpenBLAS once, after OPENBLAS_CORETYPE was set to `core` (NULL leaves the environment alone).
/// Returns 0, or -1 with a message in `error` (at most `capacity` bytes, always terminated).
int d3_openblas_load(const char *core, char *error, size_t capacity);

/// C = alpha * op(A) op(B) + beta * C, row-major; op is transposition where the flag says so.
/// op(A) is m x k, op(B) is k x n, C is m x n; lda, ldb, ldc are row strides in elements.
void d3_sgemm(bool transpose_a, bool transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
              const float *b, int ldb, float beta, float *c, int ldc);

/// Name of the kernel family in use ("SkylakeX"), or "" before loading.
const char *d3_openblas_core(void);

/// OpenBLAS's own build description, or "".
const char *d3_openblas_config(void);

/// Path of the library that was loaded, or "".
const char *d3_openblas_path(void);

/// The kernel family that suits this CPU best, or NULL where OpenBLAS's own choice should stand.
const char *d3_openblas_suitable_core(void);

#ifdef __cplusplus
}
#endif
