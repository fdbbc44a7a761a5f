#include "d3_memory.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

void d3_prefer_large_pages(void *start, size_t bytes) {
#ifdef MADV_HUGEPAGE
    const uintptr_t page = 4096, first = ((uintptr_t)start + page - 1) / page * page;
    const uintptr_t end = ((uintptr_t)start + bytes) / page * page;
    if (end > first) (void)madvise((void *)first, end - first, MADV_HUGEPAGE);
#else
    (void)start;
    (void)bytes;
#endif
}

/// What a thread keeps between products.
typedef struct {
    void *memory[D3_SCRATCH_PLACES];
    size_t bytes[D3_SCRATCH_PLACES];
} scratch;

static pthread_key_t scratch_key;
static pthread_once_t scratch_once = PTHREAD_ONCE_INIT;
static bool has_scratch_key;

static void release(void *kept) {
    scratch *s = kept;
    for (int i = 0; i < D3_SCRATCH_PLACES; i++) free(s->memory[i]);
    free(s);
}

static void make_key(void) { has_scratch_key = pthread_key_create(&scratch_key, release) == 0; }

float *d3_scratch(int place, size_t count) {
    pthread_once(&scratch_once, make_key);
    if (!has_scratch_key) return NULL;
    scratch *s = pthread_getspecific(scratch_key);
    if (!s) {
        s = calloc(1, sizeof *s);
        if (s && pthread_setspecific(scratch_key, s) != 0) {
            free(s);
            s = NULL;
        }
        if (!s) return NULL;
    }
    const size_t bytes = (count * sizeof(float) + 63) / 64 * 64;
    if (s->bytes[place] < bytes) {
        free(s->memory[place]);
        s->memory[place] = aligned_alloc(64, bytes);
        s->bytes[place] = s->memory[place] ? bytes : 0;
    }
    return s->memory[place];
}
