// The Python module qaconv_tf.matching._native. It trusts its caller, native_engine.py, for shapes.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "engine.h"
#include "pair_statistics.h"

namespace py = pybind11;

namespace {

template <class Number>
using Array = py::array_t<Number, py::array::c_style>;

qaconv::Precision precision_of(const std::string& name) {
    return name == "bf16" ? qaconv::Precision::bf16 : qaconv::Precision::fp32;
}

std::vector<std::string> kernels(const std::string& precision) {
    std::vector<std::string> names;
    for (const qaconv::Kernel* kernel : qaconv::available_kernels(precision_of(precision)))
        names.push_back(kernel->name);
    return names;
}

const qaconv::Kernel& kernel_named(const std::string& name, qaconv::Precision precision) {
    for (const qaconv::Kernel* kernel : qaconv::available_kernels(precision))
        if (name == kernel->name) return *kernel;
    throw py::value_error("Expected a kernel that this processor runs. Received: " + name);
}

qaconv::Maps maps_of(const Array<float>& array) { return {array.data(), array.shape(0)}; }

// Scores may be columns of a larger array; the places are None or (num_query, num_gallery, locations), and wanted is
// None or (num_query, num_gallery).
void score_pairs(const std::string& kernel_name, const std::string& precision_name, const Array<float>& query,
                 const Array<float>& gallery, const Array<double>& query_weights, const Array<double>& gallery_weights,
                 double slope, double intercept, int threads, py::array_t<float>& scores,
                 std::optional<Array<int32_t>> of_query, std::optional<Array<int32_t>> of_gallery,
                 std::optional<Array<bool>> wanted) {
    const qaconv::Precision precision = precision_of(precision_name);
    const qaconv::Kernel& kernel = kernel_named(kernel_name, precision);
    const qaconv::MapShape shape = {static_cast<int>(query.shape(1)), static_cast<int>(query.shape(2))};
    const qaconv::Matcher matcher = {{query_weights.data(), gallery_weights.data()}, slope, intercept};
    const qaconv::Places places = {of_query ? of_query->mutable_data() : nullptr,
                                   of_gallery ? of_gallery->mutable_data() : nullptr};
    const int64_t row_stride = scores.strides(0) / static_cast<int64_t>(sizeof(float));
    const qaconv::Results results = {scores.mutable_data(), row_stride, places, wanted ? wanted->data() : nullptr};
    const qaconv::Maps queries = maps_of(query), galleries = maps_of(gallery);
    py::gil_scoped_release released;
    qaconv::score_pairs(kernel, precision, shape, queries, galleries, matcher, threads, results);
}

// Both maxima of all pairs and both places, (num_query, num_gallery, locations).
using KeptArrays = std::tuple<Array<float>, Array<float>, Array<int32_t>, Array<int32_t>>;
// (num_query, num_gallery)
using StatisticsArrays = std::tuple<Array<float>, Array<float>, Array<float>>;

qaconv::Kept kept_of(KeptArrays& kept) {
    auto& [of_query, of_gallery, query_places, gallery_places] = kept;
    const qaconv::Places places = {query_places.mutable_data(), gallery_places.mutable_data()};
    return {of_query.mutable_data(), of_gallery.mutable_data(), places};
}

qaconv::Pairs pairs_of(const Array<float>& query, const Array<float>& gallery, const Array<double>& query_weights,
                       const Array<double>& gallery_weights, const Array<float>& center) {
    const qaconv::MapShape shape = {static_cast<int>(query.shape(1)), static_cast<int>(query.shape(2))};
    const qaconv::Weights weights = {query_weights.data(), gallery_weights.data()};
    return {shape, maps_of(query), maps_of(gallery), weights, center.data()};
}

void pair_statistics(const std::string& kernel_name, const Array<float>& query, const Array<float>& gallery,
                     const Array<double>& query_weights, const Array<double>& gallery_weights,
                     const Array<float>& center, int threads, KeptArrays kept_arrays, StatisticsArrays arrays) {
    const qaconv::Kernel& kernel = kernel_named(kernel_name, qaconv::Precision::fp32);
    const qaconv::Pairs pairs = pairs_of(query, gallery, query_weights, gallery_weights, center);
    const qaconv::Kept kept = kept_of(kept_arrays);
    auto& [weighted_sum, mean, variance] = arrays;
    const qaconv::Statistics<float> statistics = {weighted_sum.mutable_data(), mean.mutable_data(),
                                                  variance.mutable_data()};
    py::gil_scoped_release released;
    qaconv::pair_statistics(kernel, pairs, threads, kept, statistics);
}

void pair_gradients(const Array<float>& query, const Array<float>& gallery, const Array<double>& query_weights,
                    const Array<double>& gallery_weights, const Array<float>& center, int threads,
                    KeptArrays kept_arrays, const StatisticsArrays& upstream, Array<float> by_query,
                    std::optional<Array<float>> by_gallery, Array<float> by_query_weights,
                    Array<float> by_gallery_weights) {
    const qaconv::Pairs pairs = pairs_of(query, gallery, query_weights, gallery_weights, center);
    const qaconv::Kept kept = kept_of(kept_arrays);
    const auto& [by_sum, by_mean, by_variance] = upstream;
    const qaconv::Statistics<const float> by = {by_sum.data(), by_mean.data(), by_variance.data()};
    const qaconv::Gradients gradients = {by_query.mutable_data(), by_gallery ? by_gallery->mutable_data() : nullptr,
                                         by_query_weights.mutable_data(), by_gallery_weights.mutable_data()};
    py::gil_scoped_release released;
    qaconv::pair_gradients(pairs, threads, kept, by, gradients);
}

}  // namespace

PYBIND11_MODULE(_native, module) {
    module.def("kernels", &kernels, py::arg("precision"));
    // Nothing is converted: a copy of the results would be filled and lost.
    module.def("score_pairs", &score_pairs, py::arg("kernel"), py::arg("precision"), py::arg("query").noconvert(),
               py::arg("gallery").noconvert(), py::arg("query_weights").noconvert(),
               py::arg("gallery_weights").noconvert(), py::arg("slope"), py::arg("intercept"), py::arg("threads"),
               py::arg("scores").noconvert(), py::arg("of_query").noconvert() = py::none(),
               py::arg("of_gallery").noconvert() = py::none(), py::arg("wanted").noconvert() = py::none());
    module.def("pair_statistics", &pair_statistics, py::arg("kernel"), py::arg("query").noconvert(),
               py::arg("gallery").noconvert(), py::arg("query_weights"), py::arg("gallery_weights"), py::arg("center"),
               py::arg("threads"), py::arg("kept").noconvert(), py::arg("statistics").noconvert());
    module.def("pair_gradients", &pair_gradients, py::arg("query").noconvert(), py::arg("gallery").noconvert(),
               py::arg("query_weights"), py::arg("gallery_weights"), py::arg("center"), py::arg("threads"),
               py::arg("kept"), py::arg("upstream"), py::arg("by_query").noconvert(),
               py::arg("by_gallery").noconvert(), py::arg("by_query_weights").noconvert(),
               py::arg("by_gallery_weights").noconvert());
}
