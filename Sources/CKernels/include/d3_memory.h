#pragma once
// Advice to the kernel about memory.
#include <stddef.h>

/// Asks for large pages, which make long reads cheaper; without effect where there are none.
void d3_prefer_large_pages(void *start, size_t bytes);
