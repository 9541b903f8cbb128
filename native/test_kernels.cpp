// Holds every kernel that this processor runs to plain loops. Stand-alone, so that it can run under sanitizers:
// make test_kernels.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "bfloat16.h"
#include "engine.h"
#include "test_pair_statistics.h"

namespace {

using namespace qaconv;

int failures = 0;

void expect(bool right, const char* what, const Kernel& kernel, MapShape shape) {
    if (right) return;
    ++failures;
    std::printf("FAILED %s: kernel %s, %d locations, %d channels\n", what, kernel.name, shape.locations,
                shape.channels);
}

std::mt19937 generator(7);

template <class Number>
std::vector<Number> random_numbers(size_t count) {
    std::normal_distribution<Number> normal;
    std::vector<Number> numbers(count);
    for (Number& number : numbers) number = normal(generator);
    return numbers;
}

// Feature maps of unit vectors, as the matcher gets them.
struct RandomMaps {
    MapShape shape;
    int number;
    std::vector<float> values;

    RandomMaps(MapShape shape, int number)
        : shape(shape), number(number),
          values(random_numbers<float>(size_t(number) * shape.locations * shape.channels)) {
        for (size_t first = 0; first < values.size(); first += shape.channels) {
            double square = 0.0;
            for (int channel = 0; channel < shape.channels; ++channel) square += std::pow(values[first + channel], 2);
            for (int channel = 0; channel < shape.channels; ++channel) values[first + channel] /= std::sqrt(square);
        }
    }
    Maps maps() const { return {values.data(), number}; }
    const float* at(int map, int location) const {
        return values.data() + (size_t(map) * shape.locations + location) * shape.channels;
    }
};

double response(const float* a, const float* b, int channels, Precision precision) {
    double sum = 0.0;
    for (int channel = 0; channel < channels; ++channel)
        sum += precision == Precision::bf16
                   ? double(rounded_to_bfloat16(a[channel])) * rounded_to_bfloat16(b[channel])
                   : double(a[channel]) * b[channel];
    return sum;
}

// The largest response of each location of `one` to `other`.
std::vector<double> maxima(const RandomMaps& one, int i, const RandomMaps& other, int j, Precision precision) {
    std::vector<double> largest(one.shape.locations, -1e30);
    for (int a = 0; a < one.shape.locations; ++a)
        for (int b = 0; b < other.shape.locations; ++b)
            largest[a] = std::max(largest[a], response(one.at(i, a), other.at(j, b), one.shape.channels, precision));
    return largest;
}

constexpr double kSlope = 1.5, kIntercept = -0.25;
constexpr float kUntouched = -99.0f;

struct Scored {
    std::vector<float> scores;
    std::vector<int32_t> of_query, of_gallery;
};

Scored run(const Kernel& kernel, Precision precision, MapShape shape, Maps query, Maps gallery,
           const std::vector<double>& weights, bool with_places, int threads) {
    const size_t pairs = size_t(query.number) * gallery.number;
    // The scores are a part of a larger table.
    const int64_t stride = gallery.number + 2;
    std::vector<float> table((query.number + 1) * stride, kUntouched);
    Scored result;
    result.of_query.assign(pairs * shape.locations, -1);
    result.of_gallery.assign(pairs * shape.locations, -1);
    const Places places = {result.of_query.data(), result.of_gallery.data()};
    const Results results = {table.data() + 1, stride, with_places ? places : Places{nullptr, nullptr}};
    const Matcher matcher = {{weights.data(), weights.data() + shape.locations}, kSlope, kIntercept};
    score_pairs(kernel, precision, shape, query, gallery, matcher, threads, results);
    for (auto row = table.begin(); row != table.end() - stride; row += stride)
        result.scores.insert(result.scores.end(), row + 1, row + stride - 1);
    const size_t untouched = std::count(table.begin(), table.end(), kUntouched);
    expect(untouched == table.size() - pairs, "nothing beside the scores", kernel, shape);
    return result;
}

// One number further on than an allocation: maps need not be aligned.
std::vector<float> shifted(const std::vector<float>& values) {
    std::vector<float> copy(values.size() + 1);
    std::copy(values.begin(), values.end(), copy.begin() + 1);
    return copy;
}

void test_against_loops(const Kernel& kernel, Precision precision, MapShape shape, int num_query, int num_gallery) {
    const RandomMaps query(shape, num_query), gallery(shape, num_gallery);
    const std::vector<double> weights = random_numbers<double>(2 * size_t(shape.locations));
    const std::vector<float> query_copy = shifted(query.values), gallery_copy = shifted(gallery.values);
    const Maps unaligned_query = {query_copy.data() + 1, num_query};
    const Maps unaligned_gallery = {gallery_copy.data() + 1, num_gallery};
    const Scored scored = run(kernel, precision, shape, unaligned_query, unaligned_gallery, weights, true, 2);
    const Scored plain = run(kernel, precision, shape, query.maps(), gallery.maps(), weights, false, 1);
    expect(scored.scores == plain.scores, "the same with places, threads and unaligned maps", kernel, shape);
    for (int i = 0; i < num_query; ++i)
        for (int j = 0; j < num_gallery; ++j) {
            const std::vector<double> rows = maxima(query, i, gallery, j, precision);
            const std::vector<double> columns = maxima(gallery, j, query, i, precision);
            double sum = 0.0, size = 0.0;
            bool places_right = true;
            for (int location = 0; location < shape.locations; ++location) {
                sum += weights[location] * rows[location] + weights[shape.locations + location] * columns[location];
                size += std::fabs(weights[location]) + std::fabs(weights[shape.locations + location]);
                const size_t place = (size_t(i) * num_gallery + j) * shape.locations + location;
                const int32_t there = scored.of_query[place], back = scored.of_gallery[place];
                places_right &= there >= 0 && there < shape.locations && back >= 0 && back < shape.locations;
                if (!places_right) break;
                const float* query_location = query.at(i, location);
                const float* gallery_location = gallery.at(j, location);
                const double chosen = response(query_location, gallery.at(j, there), shape.channels, precision);
                const double chosen_back = response(gallery_location, query.at(i, back), shape.channels, precision);
                places_right &= rows[location] - chosen < 1e-6 && columns[location] - chosen_back < 1e-6;
            }
            expect(places_right, "places", kernel, shape);
            const double error = std::fabs(scored.scores[size_t(i) * num_gallery + j] - (kSlope * sum + kIntercept));
            expect(error < 1e-6 * (1.0 + size), "scores", kernel, shape);
        }
}

void test_ties_take_the_first(const Kernel& kernel, Precision precision) {
    const MapShape shape{71, 5};
    RandomMaps maps(shape, 1);
    for (int location = 1; location < shape.locations; ++location)
        std::copy(maps.at(0, 0), maps.at(0, 0) + shape.channels, maps.values.begin() + location * shape.channels);
    const std::vector<double> weights(2 * size_t(shape.locations), 1.0);
    const Scored scored = run(kernel, precision, shape, maps.maps(), maps.maps(), weights, true, 1);
    const std::vector<int32_t> first(shape.locations, 0);
    expect(scored.of_query == first && scored.of_gallery == first, "ties", kernel, shape);
}

// A map that cannot be used scores NaN, and has places within the maps.
void test_unusable(const Kernel& kernel, Precision precision, float bad) {
    const MapShape shape{6, 3};
    RandomMaps query(shape, 3), gallery(shape, 5);
    query.values[1 * shape.locations * shape.channels + 4] = bad;
    gallery.values[4 * shape.locations * shape.channels] = bad;
    const std::vector<double> weights = random_numbers<double>(2 * size_t(shape.locations));
    const Scored scored = run(kernel, precision, shape, query.maps(), gallery.maps(), weights, true, 2);
    for (int pair = 0; pair < 15; ++pair)
        expect(std::isnan(scored.scores[pair]) == (pair / 5 == 1 || pair % 5 == 4), "NaN for what cannot be used",
               kernel, shape);
    const auto outside = [&](int32_t place) { return place < 0 || place >= shape.locations; };
    for (const auto& places : {scored.of_query, scored.of_gallery})
        expect(std::none_of(places.begin(), places.end(), outside), "places of what cannot be used", kernel, shape);
}

// Only the wanted pairs are scored, and as they are among all.
void test_wanted(const Kernel& kernel, Precision precision) {
    constexpr int kQueries = 9, kGallery = 40, kPairs = kQueries * kGallery;
    const MapShape shape{6, 3};
    const RandomMaps query(shape, kQueries), gallery(shape, kGallery);
    const std::vector<double> weights = random_numbers<double>(2 * size_t(shape.locations));
    const Scored all = run(kernel, precision, shape, query.maps(), gallery.maps(), weights, false, 1);
    bool wanted[kPairs];
    // Nobody wants the first half of the gallery.
    for (int pair = 0; pair < kPairs; ++pair) wanted[pair] = pair % kGallery >= kGallery / 2 && generator() % 4 == 0;
    std::vector<float> scores(kPairs, kUntouched);
    const Results results = {scores.data(), kGallery, {nullptr, nullptr}, wanted};
    const Matcher matcher = {{weights.data(), weights.data() + shape.locations}, kSlope, kIntercept};
    score_pairs(kernel, precision, shape, query.maps(), gallery.maps(), matcher, 2, results);
    for (int pair = 0; pair < kPairs; ++pair)
        expect(scores[pair] == (wanted[pair] ? all.scores[pair] : kUntouched), "wanted pairs alone", kernel, shape);
}

void test_nothing_to_score(const Kernel& kernel, Precision precision) {
    const MapShape shape{6, 3};
    const std::vector<double> weights = random_numbers<double>(12);
    for (const int number : {0, 4}) {
        const RandomMaps query(shape, number), gallery(shape, 4 - number);
        const Scored scored = run(kernel, precision, shape, query.maps(), gallery.maps(), weights, true, 2);
        expect(scored.scores.empty(), "no pairs", kernel, shape);
    }
}

void test_all(const Kernel& kernel, Precision precision) {
    const MapShape shapes[] = {{1, 1},   {2, 3},  {5, 64},   {12, 33},  {16, 31}, {31, 1},   {32, 32},
                               {33, 65}, {96, 7}, {193, 96}, {72, 128}, {49, 97}, {35, 161}, {64, 200}};
    for (const MapShape shape : shapes) test_against_loops(kernel, precision, shape, 2, 3);
    test_against_loops(kernel, precision, {7, 2}, 1, 1);
    test_against_loops(kernel, precision, {3, 4}, 61, 53);
    test_ties_take_the_first(kernel, precision);
    const float infinity = std::numeric_limits<float>::infinity();
    for (const float bad : {std::numeric_limits<float>::quiet_NaN(), infinity, -infinity, 2e15f})
        test_unusable(kernel, precision, bad);
    test_wanted(kernel, precision);
    test_nothing_to_score(kernel, precision);
}

}  // namespace

int main() {
    for (const Precision precision : {Precision::fp32, Precision::bf16})
        for (const Kernel* kernel : available_kernels(precision)) {
            test_all(*kernel, precision);
            std::printf("%s in %s\n", kernel->name, precision == Precision::bf16 ? "bf16" : "fp32");
        }
    failures += failures_of_pair_statistics();
    std::printf("%d failures\n", failures);
    return failures != 0;
}
