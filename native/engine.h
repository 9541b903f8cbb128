// Scores of many queries against many gallery images, by a kernel of this processor, on several threads.
#pragma once

#include <cstdint>
#include <vector>

#include "kernel.h"

namespace qaconv {

// Kernels that this processor can run, the best for a precision first.
std::vector<const Kernel*> available_kernels(Precision);

// Dense floats, (number, locations, channels).
struct Maps {
    const float* values;
    int64_t number;
};

// What the matcher makes of a pair's maxima: slope * (their weighted sum) + intercept.
struct Matcher {
    Weights weights;
    double slope;
    double intercept;
};

// Where results go: the score of query i and gallery image j to scores[i * row_stride + j]. The places may be null;
// else they are (num_query, num_gallery, locations). Nor need all pairs be wanted: (num_query, num_gallery), or null
// for all. Nothing is written for the others.
struct Results {
    float* scores;
    int64_t row_stride;
    Places places;
    const bool* wanted = nullptr;
};

// Scores all wanted pairs. With Precision::bf16 a kernel of single precision is given rounded numbers. A map with a number
// that is not finite, or not below 2^50, scores NaN with every other. Beyond inputs and results it holds all queries,
// packed, and a few gallery maps a thread.
void score_pairs(const Kernel& kernel, Precision precision, MapShape shape, Maps query, Maps gallery,
                 const Matcher& matcher, int threads, const Results& results);

}  // namespace qaconv
