// What a training step needs of all pairs: three statistics of each pair's location maxima, and their gradients.
#pragma once

#include "engine.h"

namespace qaconv {

struct Pairs {
    MapShape shape;
    Maps query, gallery;
    Weights weights;
    const float* center;  // (num_gallery): subtracted from all maxima of a gallery image
};

// For a pair, over the maxima of both maps minus the center: the sum with the location weights, mean and (biased)
// variance; or the gradients of a loss by these. (num_query, num_gallery) each.
template <class Number>
struct Statistics {
    Number *weighted_sum, *mean, *variance;
};

// What the forward pass keeps for the backward pass, (num_query, num_gallery, locations) each: of both maps the maxima
// and where in the other map they are.
struct Kept {
    float *of_query, *of_gallery;
    Places places;
};

// The kernel, of single precision, finds the places; the maxima themselves are then computed from them. A map with a
// number that is not finite makes its pairs' statistics NaN.
void pair_statistics(const Kernel& kernel, const Pairs& pairs, int threads, Kept kept, Statistics<float> statistics);

struct Gradients {
    float *query, *gallery;                  // as the maps; the gallery's may be null
    float *query_weights, *gallery_weights;  // (locations)
};

// A maximum's gradient goes to the two locations that it is the response of. Sums are in one order, whatever the number
// of threads.
void pair_gradients(const Pairs& pairs, int threads, Kept kept, Statistics<const float> by, Gradients gradients);

}  // namespace qaconv
