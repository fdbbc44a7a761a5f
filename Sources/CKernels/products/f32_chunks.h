#pragma once
// How the sums of an f32 product are cut. Every level has the same chunks, and so the same order of sums: an element is
//   sum over a chunk's k in ascending order, from zero, by fused multiply-adds;
//   c = alpha * sum of the first chunk, or c = fma(alpha, sum, c) where the product accumulates and for later chunks.

// Depth of the longest chunk of k; its right-hand panel stays near the first-level cache.
enum { DEPTH = 448 };

/// The depth of the next chunk when `rest` is left: equal halves rather than a short last chunk.
static inline long chunk_depth(long rest) {
    if (rest >= 2 * DEPTH) return DEPTH;
    return rest > DEPTH ? (rest / 2 + 15) / 16 * 16 : rest;
}
