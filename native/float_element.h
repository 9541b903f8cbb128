// Single-precision numbers for register_kernel.h, by the compiler's vectors.
#pragma once

#include "maxima.h"

namespace qaconv {
namespace {

struct Element {
    using Number = float;
    static constexpr int channels = 1;
    static float packed(float number) { return number; }
    static Vector several(const float* numbers) { return *reinterpret_cast<const Vector*>(numbers); }
    static Vector repeated(const float* number) { return Vector{} + *number; }
    static Vector multiply_add(Vector a, Vector b, Vector sum) { return sum + a * b; }
};

}  // namespace
}  // namespace qaconv
