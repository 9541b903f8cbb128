// Single-precision numbers for register_kernel.h, by the compiler's vectors: a word is a channel.
#pragma once

#include "maxima.h"

namespace qaconv {
namespace {

struct Element {
    static constexpr int channels = 1;
    static Vector words(const float* source, int count) { return loaded(source, count); }
    static Vector multiply_add(Vector a, Vector b, Vector sum) { return sum + a * b; }
};

}  // namespace
}  // namespace qaconv
