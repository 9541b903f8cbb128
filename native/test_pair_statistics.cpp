#include "test_pair_statistics.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "pair_statistics.h"

namespace {

using namespace qaconv;
using Floats = std::vector<float>;
using Doubles = std::vector<double>;

std::mt19937 generator(11);

template <class Number>
std::vector<Number> random_numbers(size_t count) {
    std::normal_distribution<double> normal;
    std::vector<Number> numbers(count);
    for (Number& number : numbers) number = static_cast<Number>(normal(generator));
    return numbers;
}

// A call's inputs and results; the maps are copied to an address that no vector instruction is aligned to.
struct Call {
    MapShape shape;
    int num_query, num_gallery;
    Floats query, gallery, center;
    Doubles query_weights, gallery_weights;
    Floats of_query, of_gallery, statistics[3], upstream[3];
    std::vector<int32_t> query_places, gallery_places;
    Floats by_query, by_gallery, by_query_weights, by_gallery_weights;

    Call(MapShape shape, int num_query, int num_gallery)
        : shape(shape), num_query(num_query), num_gallery(num_gallery), query(random_numbers<float>(1 + num_query * size())),
          gallery(random_numbers<float>(1 + num_gallery * size())), center(random_numbers<float>(num_gallery)),
          query_weights(random_numbers<double>(shape.locations)),
          gallery_weights(random_numbers<double>(shape.locations)), by_query(query.size()), by_gallery(gallery.size()),
          by_query_weights(shape.locations), by_gallery_weights(shape.locations) {
        const size_t pairs = size_t(num_query) * num_gallery;
        for (Floats* one : {&of_query, &of_gallery}) one->resize(pairs * shape.locations);
        for (std::vector<int32_t>* one : {&query_places, &gallery_places}) one->resize(pairs * shape.locations);
        for (int index = 0; index < 3; ++index)
            statistics[index].resize(pairs), upstream[index] = random_numbers<float>(pairs);
    }

    size_t size() const { return size_t(shape.locations) * shape.channels; }
    Pairs pairs() const {
        return {shape, {query.data() + 1, num_query}, {gallery.data() + 1, num_gallery},
                {query_weights.data(), gallery_weights.data()}, center.data()};
    }
    Kept kept() { return {of_query.data(), of_gallery.data(), {query_places.data(), gallery_places.data()}}; }

    void run(const Kernel& kernel, int threads, bool with_gallery) {
        pair_statistics(kernel, pairs(), threads, kept(),
                        {statistics[0].data(), statistics[1].data(), statistics[2].data()});
        pair_gradients(pairs(), threads, kept(), {upstream[0].data(), upstream[1].data(), upstream[2].data()},
                       {by_query.data() + 1, with_gallery ? by_gallery.data() + 1 : nullptr, by_query_weights.data(),
                        by_gallery_weights.data()});
    }
};

bool near(const Floats& found, const Doubles& wanted) {
    double largest = 1.0;
    for (double one : wanted) largest = std::max(largest, std::abs(one));
    for (size_t index = 0; index < wanted.size(); ++index)
        if (!(std::abs(found[index] - wanted[index]) <= 1e-5 * largest)) return false;
    return found.size() == wanted.size();
}

// The same by loops in double precision.
struct Loops {
    Doubles statistics[3], by_query, by_gallery, by_query_weights, by_gallery_weights;

    explicit Loops(const Call& call)
        : by_query(call.query.size()), by_gallery(call.gallery.size()), by_query_weights(call.shape.locations),
          by_gallery_weights(call.shape.locations) {
        for (int query = 0; query < call.num_query; ++query)
            for (int gallery = 0; gallery < call.num_gallery; ++gallery) add_pair(call, query, gallery);
    }

    void add_pair(const Call& call, int query, int gallery) {
        const int locations = call.shape.locations, channels = call.shape.channels;
        const size_t query_first = 1 + query * call.size(), gallery_first = 1 + gallery * call.size();
        const auto response = [&](int s, int r) {
            double sum = 0.0;
            for (int channel = 0; channel < channels; ++channel)
                sum += double(call.query[query_first + s * channels + channel]) *
                       call.gallery[gallery_first + r * channels + channel];
            return sum;
        };
        // Of both sides: locations of the query and of the gallery, the maximum and its weight.
        struct Maximum {
            int of_query, of_gallery;
            double centered, weight, *by_weight;
        };
        std::vector<Maximum> maxima;
        for (int own = 0; own < locations; ++own) {
            int best = 0, best_of_gallery = 0;
            for (int other = 1; other < locations; ++other) {
                if (response(own, other) > response(own, best)) best = other;
                if (response(other, own) > response(best_of_gallery, own)) best_of_gallery = other;
            }
            const double center = call.center[gallery];
            maxima.push_back({own, best, response(own, best) - center, call.query_weights[own], &by_query_weights[own]});
            maxima.push_back({best_of_gallery, own, response(best_of_gallery, own) - center, call.gallery_weights[own],
                              &by_gallery_weights[own]});
        }
        double sum = 0.0, mean = 0.0, variance = 0.0;
        for (const Maximum& one : maxima) sum += one.weight * one.centered, mean += one.centered / maxima.size();
        for (const Maximum& one : maxima) variance += std::pow(one.centered - mean, 2) / maxima.size();
        statistics[0].push_back(sum), statistics[1].push_back(mean), statistics[2].push_back(variance);
        const size_t pair = size_t(query) * call.num_gallery + gallery;
        const double by_sum = call.upstream[0][pair], by_mean = call.upstream[1][pair];
        const double by_variance = call.upstream[2][pair];
        for (const Maximum& one : maxima) {
            *one.by_weight += by_sum * one.centered;
            const double factor =
                by_sum * one.weight + (by_mean + 2.0 * by_variance * (one.centered - mean)) / maxima.size();
            for (int channel = 0; channel < channels; ++channel) {
                const size_t in_query = query_first + one.of_query * channels + channel;
                const size_t in_gallery = gallery_first + one.of_gallery * channels + channel;
                by_query[in_query] += factor * call.gallery[in_gallery];
                by_gallery[in_gallery] += factor * call.query[in_query];
            }
        }
    }
};

int failures_of(const Kernel& kernel, MapShape shape, int num_query, int num_gallery, int threads) {
    Call call(shape, num_query, num_gallery);
    // The gallery's gradient is not asked for in every other call.
    const bool with_gallery = num_gallery % 2 == 1;
    call.run(kernel, threads, with_gallery);
    const Loops loops(call);
    bool right = near(call.by_query, loops.by_query) && near(call.by_query_weights, loops.by_query_weights) &&
                 near(call.by_gallery_weights, loops.by_gallery_weights) &&
                 near(call.by_gallery, with_gallery ? loops.by_gallery : Doubles(call.gallery.size()));
    for (int index = 0; index < 3; ++index) right = right && near(call.statistics[index], loops.statistics[index]);
    Call again(call);
    again.run(kernel, 1, with_gallery);
    right = right && again.by_query == call.by_query && again.by_query_weights == call.by_query_weights;
    if (!right)
        std::printf("FAILED statistics: kernel %s, %d locations, %d channels, %d x %d\n", kernel.name, shape.locations,
                    shape.channels, num_query, num_gallery);
    return !right;
}

// Of two queries the first has a NaN: its pairs' statistics are NaN, and nothing is read or written outside.
int failures_of_nan(const Kernel& kernel) {
    Call call({6, 3}, 2, 3);
    call.query[1 + 5] = std::numeric_limits<float>::quiet_NaN();
    call.run(kernel, 2, true);
    bool right = true;
    for (const Floats& one : call.statistics)
        for (int pair = 0; pair < 6; ++pair) right = right && std::isnan(one[pair]) == (pair < 3);
    if (!right) std::printf("FAILED statistics of NaN: kernel %s\n", kernel.name);
    return !right;
}

}  // namespace

int failures_of_pair_statistics() {
    int failures = 0;
    for (const Kernel* kernel : available_kernels(Precision::fp32)) {
        for (const MapShape shape : {MapShape{1, 1}, {2, 3}, {7, 70}, {33, 40}, {48, 96}})
            failures += failures_of(*kernel, shape, 3, 5, 2);
        failures += failures_of(*kernel, {6, 4}, 21, 4, 3);
        failures += failures_of(*kernel, {6, 4}, 0, 3, 2) + failures_of(*kernel, {6, 4}, 3, 0, 2);
        failures += failures_of_nan(*kernel);
    }
    return failures;
}
