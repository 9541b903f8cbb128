// Scores of many queries against many gallery images, by the best kernel of this processor, on several threads.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernel.h"

namespace qaconv {

enum class Precision { fp32, bf16 };

// What the matcher computes for a pair of maps, before its affine map of the result.
struct Weights {
    const float* query;    // (locations)
    const float* gallery;  // (locations)
    float center;          // subtracted from every maximum before it is weighted
};

// Where results go: score of query i and gallery image j at scores[i * row_stride + j]. The index arrays may be null;
// else they hold (num_query, num_gallery, locations).
struct Results {
    float* scores;
    int64_t row_stride;
    int32_t* best_of_query = nullptr;
    int32_t* best_of_gallery = nullptr;
};

// The kernel that this processor runs for a precision; its name is in `kernel->name`.
const Kernel* best_kernel(Precision);

// Kernels that this processor can run, the best for a precision first.
std::vector<const Kernel*> available_kernels(Precision);

// Scores all pairs. Maps are dense (number, locations, channels) floats; with Precision::bf16 a kernel in single
// precision takes them rounded. A map with a number that is not finite scores NaN with every other. Beyond inputs and
// results it holds query_chunk_bytes of packed queries, and a few packed maps a thread.
void score_pairs(const Kernel& kernel, Precision precision, MapShape shape, const float* query, int64_t num_query,
                 const float* gallery, int64_t num_gallery, Weights weights, int threads, Results results);

}  // namespace qaconv
