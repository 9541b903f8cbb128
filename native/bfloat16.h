// Rounding to bfloat16, to nearest, ties to even; two numbers are a word.
#pragma once

#include <cstdint>
#include <cstring>

namespace qaconv {
namespace {

// As a float.
inline float rounded_to_bfloat16(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000;
    std::memcpy(&value, &bits, sizeof bits);
    return value;
}

}  // namespace
}  // namespace qaconv
