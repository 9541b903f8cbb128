// The Python module qaconv_tf.matching._native. It trusts its caller, native_engine.py, for shapes and types.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "engine.h"

namespace py = pybind11;
using Floats = py::array_t<float, py::array::c_style>;
using Numbers = py::array_t<int32_t, py::array::c_style>;

namespace {

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

void score_pairs(const std::string& kernel_name, const std::string& precision_name, const Floats& query,
                 const Floats& gallery, const Floats& query_weights, const Floats& gallery_weights, float center,
                 int threads, Floats scores, std::optional<Numbers> best_of_query,
                 std::optional<Numbers> best_of_gallery) {
    const qaconv::Precision precision = precision_of(precision_name);
    const qaconv::Kernel& kernel = kernel_named(kernel_name, precision);
    const qaconv::MapShape shape{int(query.shape(1)), int(query.shape(2))};
    const qaconv::Weights weights{query_weights.data(), gallery_weights.data(), center};
    qaconv::Results results{scores.mutable_data(), scores.shape(1)};
    if (best_of_query) results.best_of_query = best_of_query->mutable_data();
    if (best_of_gallery) results.best_of_gallery = best_of_gallery->mutable_data();
    const float* query_data = query.data();
    const float* gallery_data = gallery.data();
    const int64_t num_query = query.shape(0), num_gallery = gallery.shape(0);
    py::gil_scoped_release released;
    qaconv::score_pairs(kernel, precision, shape, query_data, num_query, gallery_data, num_gallery, weights, threads,
                        results);
}

}  // namespace

PYBIND11_MODULE(_native, module) {
    module.def("kernels", &kernels, py::arg("precision"));
    module.def("score_pairs", &score_pairs, py::arg("kernel"), py::arg("precision"), py::arg("query").noconvert(),
               py::arg("gallery").noconvert(), py::arg("query_weights").noconvert(),
               py::arg("gallery_weights").noconvert(), py::arg("center"), py::arg("threads"),
               py::arg("scores").noconvert(), py::arg("best_of_query").noconvert() = py::none(),
               py::arg("best_of_gallery").noconvert() = py::none());
}
