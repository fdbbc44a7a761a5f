#pragma once
// Memory: advice to the kernel, and scratch that threads keep.
#include <stdbool.h>
#include <stddef.h>

/// Asks for large pages, which make long reads cheaper; without effect where there are none.
void d3_prefer_large_pages(void *start, size_t bytes);

/// How many pieces of scratch a thread has.
enum { D3_SCRATCH_PLACES = 2 };

/// This thread's piece of scratch `place`, of at least `count` floats, aligned to a line; NULL where there is no memory.
///
/// What it holds is of no use after the next call for the same place. It is kept until the thread ends, because getting
/// pages from the kernel takes as long as copying to them.
float *d3_scratch(int place, size_t count);
