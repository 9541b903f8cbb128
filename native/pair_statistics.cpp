#include "pair_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "parallel.h"

// Loops over rows of numbers are compiled for several processors; the program chooses when it starts.
#if defined(__x86_64__) && defined(__GLIBC__)
#define QACONV_FOR_EACH_PROCESSOR __attribute__((target_clones("avx512f", "arch=haswell", "default")))
#else
#define QACONV_FOR_EACH_PROCESSOR
#endif

namespace qaconv {
namespace {

// Queries whose gradients stay in the second-level cache while the gallery passes by.
constexpr int64_t kMostQueries = 8;

// target[i] += factors[i] * other[places[i]]
QACONV_FOR_EACH_PROCESSOR
void add_gathered(const float* other, const int32_t* places, const float* factors, MapShape shape,
                  float* __restrict target) {
    for (int row = 0; row < shape.locations; ++row, target += shape.channels) {
        const float* one = other + size_t(places[row]) * shape.channels;
        for (int channel = 0; channel < shape.channels; ++channel) target[channel] += factors[row] * one[channel];
    }
}

// target[places[i]] += factors[i] * other[i]
QACONV_FOR_EACH_PROCESSOR
void add_scattered(const float* other, const int32_t* places, const float* factors, MapShape shape,
                   float* __restrict target) {
    for (int row = 0; row < shape.locations; ++row, other += shape.channels) {
        float* one = target + size_t(places[row]) * shape.channels;
        for (int channel = 0; channel < shape.channels; ++channel) one[channel] += factors[row] * other[channel];
    }
}

// In double: the maxima differ in their third digit, and a sum of hundreds in single precision has six.
struct Sums {
    double weighted = 0.0, plain = 0.0, of_squares = 0.0;
};

QACONV_FOR_EACH_PROCESSOR
void add_sums(const float* maxima, const double* weights, double center, int locations, Sums* sums) {
    for (int location = 0; location < locations; ++location) {
        const double centered = maxima[location] - center;
        sums->weighted += weights[location] * centered;
        sums->plain += centered;
        sums->of_squares += centered * centered;
    }
}

QACONV_FOR_EACH_PROCESSOR
void add_centered(const float* maxima, double center, double by_sum, int locations, double* __restrict target) {
    for (int location = 0; location < locations; ++location) target[location] += by_sum * (maxima[location] - center);
}

QACONV_FOR_EACH_PROCESSOR
void add_factors(const float* maxima, const double* weights, double by_sum, double slope, double constant,
                 int locations, float* __restrict factors) {
    for (int location = 0; location < locations; ++location)
        factors[location] = static_cast<float>(slope * maxima[location] + constant + weights[location] * by_sum);
}

const float* map_at(Maps maps, int64_t index, MapShape shape) {
    return maps.values + index * shape.locations * shape.channels;
}

Sums sums_of(const Pairs& pairs, const float* of_query, const float* of_gallery, double center) {
    Sums sums;
    add_sums(of_query, pairs.weights.query, center, pairs.shape.locations, &sums);
    add_sums(of_gallery, pairs.weights.gallery, center, pairs.shape.locations, &sums);
    return sums;
}

// A thread's own place for the gradients of one pair's maxima.
class FactorsOfPair {
  public:
    FactorsOfPair(const Pairs& pairs, Kept kept, Statistics<const float> by)
        : pairs_(pairs), kept_(kept), by_(by), of_query(pairs.shape.locations), of_gallery(pairs.shape.locations) {}

    // Returns where the pair's locations begin in what is kept.
    int64_t compute(int64_t query, int64_t gallery) {
        const int locations = pairs_.shape.locations;
        const int64_t pair = query * pairs_.gallery.number + gallery, first = pair * locations;
        const float *query_maxima = kept_.of_query + first, *gallery_maxima = kept_.of_gallery + first;
        // d(mean)/dm = 1/n and d(variance)/dm = 2 (m - mean) / n, n = 2 x locations values a pair.
        const double count = 2.0 * locations, slope = 2.0 * by_.variance[pair] / count;
        const double mean = sums_of(pairs_, query_maxima, gallery_maxima, 0.0).plain / count;
        const double constant = by_.mean[pair] / count - slope * mean, by_sum = by_.weighted_sum[pair];
        const Weights& weights = pairs_.weights;
        add_factors(query_maxima, weights.query, by_sum, slope, constant, locations, of_query.data());
        add_factors(gallery_maxima, weights.gallery, by_sum, slope, constant, locations, of_gallery.data());
        return first;
    }

  private:
    const Pairs& pairs_;
    Kept kept_;
    Statistics<const float> by_;

  public:
    std::vector<float> of_query, of_gallery;
};

// Of some queries; weight_sums are (2, locations) a query.
void query_gradients(const Pairs& pairs, Kept kept, Statistics<const float> by, int64_t first_query, int64_t end,
                     float* gradients, double* weight_sums) {
    const MapShape shape = pairs.shape;
    const size_t size = size_t(shape.locations) * shape.channels;
    FactorsOfPair factors(pairs, kept, by);
    for (int64_t gallery = 0; gallery < pairs.gallery.number; ++gallery)
        for (int64_t query = first_query; query < end; ++query) {
            const int64_t first = factors.compute(query, gallery);
            const float* map = map_at(pairs.gallery, gallery, shape);
            float* target = gradients + query * size;
            add_gathered(map, kept.places.of_query + first, factors.of_query.data(), shape, target);
            add_scattered(map, kept.places.of_gallery + first, factors.of_gallery.data(), shape, target);
            const double center = pairs.center[gallery];
            const double by_sum = by.weighted_sum[query * pairs.gallery.number + gallery];
            double* sums = weight_sums + 2 * query * shape.locations;
            add_centered(kept.of_query + first, center, by_sum, shape.locations, sums);
            add_centered(kept.of_gallery + first, center, by_sum, shape.locations, sums + shape.locations);
        }
}

}  // namespace

void pair_statistics(const Kernel& kernel, const Pairs& pairs, int threads, Kept kept, Statistics<float> statistics) {
    const int locations = pairs.shape.locations;
    const int64_t num_gallery = pairs.gallery.number;
    // The scores themselves only say, by being NaN, which maps cannot be used.
    const Places places = {kept.places.of_query, kept.places.of_gallery, kept.of_query, kept.of_gallery};
    const Results results = {statistics.weighted_sum, num_gallery, places};
    score_pairs(kernel, kernel.precision, pairs.shape, pairs.query, pairs.gallery, {pairs.weights, 1.0, 0.0}, threads,
                results);
    in_parallel(pairs.query.number, threads, [&] {
        return [&](int64_t query) {
            for (int64_t gallery = 0; gallery < num_gallery; ++gallery) {
                const int64_t pair = query * num_gallery + gallery, first = pair * locations;
                const Sums sums = sums_of(pairs, kept.of_query + first, kept.of_gallery + first, pairs.center[gallery]);
                const double count = 2.0 * locations, mean = sums.plain / count;
                const bool is_nan = std::isnan(statistics.weighted_sum[pair]);
                const double factor = is_nan ? std::numeric_limits<double>::quiet_NaN() : 1.0;
                statistics.weighted_sum[pair] = static_cast<float>(factor * sums.weighted);
                statistics.mean[pair] = static_cast<float>(factor * mean);
                statistics.variance[pair] = static_cast<float>(factor * (sums.of_squares / count - mean * mean));
            }
        };
    });
}

void pair_gradients(const Pairs& pairs, int threads, Kept kept, Statistics<const float> by, Gradients gradients) {
    const MapShape shape = pairs.shape;
    const size_t size = size_t(shape.locations) * shape.channels;
    const int64_t num_query = pairs.query.number, num_gallery = pairs.gallery.number;
    std::vector<double> weight_sums(2 * num_query * shape.locations);
    std::fill_n(gradients.query, num_query * size, 0.0f);
    const int64_t block = std::clamp<int64_t>(num_query / std::max(1, threads), 1, kMostQueries);
    in_parallel((num_query + block - 1) / block, threads, [&] {
        return [&](int64_t index) {
            const int64_t first = index * block, end = std::min(num_query, first + block);
            query_gradients(pairs, kept, by, first, end, gradients.query, weight_sums.data());
        };
    });
    for (int side = 0; side < 2; ++side)
        for (int location = 0; location < shape.locations; ++location) {
            double sum = 0.0;
            for (int64_t query = 0; query < num_query; ++query)
                sum += weight_sums[(2 * query + side) * shape.locations + location];
            (side == 0 ? gradients.query_weights : gradients.gallery_weights)[location] = static_cast<float>(sum);
        }
    if (gradients.gallery == nullptr) return;
    in_parallel(num_gallery, threads, [&] {
        return [&, factors = FactorsOfPair(pairs, kept, by)](int64_t gallery) mutable {
            float* target = gradients.gallery + gallery * size;
            std::fill_n(target, size, 0.0f);
            for (int64_t query = 0; query < num_query; ++query) {
                const int64_t first = factors.compute(query, gallery);
                const float* map = map_at(pairs.query, query, shape);
                add_gathered(map, kept.places.of_gallery + first, factors.of_gallery.data(), shape, target);
                add_scattered(map, kept.places.of_query + first, factors.of_query.data(), shape, target);
            }
        };
    });
}

}  // namespace qaconv
