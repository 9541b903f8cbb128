// A kernel's two score functions, from its all_maxima(): included after that is defined.
#pragma once

#include "maxima.h"

namespace qaconv {
namespace {

double score(const void* query, const void* gallery, MapShape shape, const float* query_weights,
             const float* gallery_weights, float center, Workspace workspace) {
    const Maxima maxima = all_maxima<false>(query, gallery, shape, workspace);
    return maxima.weighted_sum(shape, query_weights, gallery_weights, center);
}

double score_with_indices(const void* query, const void* gallery, MapShape shape, const float* query_weights,
                          const float* gallery_weights, float center, Workspace workspace, int32_t* best_of_query,
                          int32_t* best_of_gallery) {
    const Maxima maxima = all_maxima<true>(query, gallery, shape, workspace);
    maxima.indices(shape, best_of_query, best_of_gallery);
    return maxima.weighted_sum(shape, query_weights, gallery_weights, center);
}

}  // namespace
}  // namespace qaconv
