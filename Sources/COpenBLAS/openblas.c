#define _GNU_SOURCE
#include "COpenBLAS.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// The parts of cblas.h that are used; values are fixed by the CBLAS standard.
enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };
typedef void (*sgemm_function)(int, int, int, int, int, int, float, const float *, int, const float *, int, float,
                               float *, int);

static sgemm_function sgemm;
static char *(*get_corename)(void);
static char *(*get_config)(void);
static char library_path[4096];
static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;

static int load_locked(const char *core, char *error, size_t capacity) {
    if (sgemm) return 0;
    if (core) setenv("OPENBLAS_CORETYPE", core, 1);
    const char *names[] = {"libopenblas.so.0", "libopenblas.so"};
    void *library = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++)
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!library) {
        snprintf(error, capacity, "%s", dlerror());
        return -1;
    }
    sgemm_function product = (sgemm_function)dlsym(library, "cblas_sgemm");
    void (*set_threads)(int) = (void (*)(int))dlsym(library, "openblas_set_num_threads");
    get_corename = (char *(*)(void))dlsym(library, "openblas_get_corename");
    get_config = (char *(*)(void))dlsym(library, "openblas_get_config");
    if (!product) {
        snprintf(error, capacity, "the library has no cblas_sgemm");
        dlclose(library);
        return -1;
    }
    Dl_info info;
    if (dladdr((void *)product, &info) && info.dli_fname)
        snprintf(library_path, sizeof library_path, "%s", info.dli_fname);
    if (set_threads) set_threads(1);
    __atomic_store_n(&sgemm, product, __ATOMIC_RELEASE);
    return 0;
}

int d3_openblas_load(const char *core, char *error, size_t capacity) {
    pthread_mutex_lock(&loading);
    int result = load_locked(core, error, capacity);
    pthread_mutex_unlock(&loading);
    return result;
}

void d3_sgemm(bool transpose_a, bool transpose_b, int m, int n, int k, float alpha, const float *a, int lda,
              const float *b, int ldb, float beta, float *c, int ldc) {
    sgemm(ROW_MAJOR, transpose_a ? TRANSPOSE : NO_TRANSPOSE, transpose_b ? TRANSPOSE : NO_TRANSPOSE, m, n, k, alpha,
          a, lda, b, ldb, beta, c, ldc);
}

const char *d3_openblas_core(void) { return get_corename ? get_corename() : ""; }

const char *d3_openblas_config(void) { return get_config ? get_config() : ""; }

const char *d3_openblas_path(void) { return library_path; }

const char *d3_openblas_suitable_core(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
        return "SkylakeX";
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "Haswell";
#endif
    return NULL;
}
