// Rounding to bfloat16, to nearest, ties to even.
#pragma once

#include <cstdint>
#include <cstring>

namespace qaconv {
namespace {

inline uint16_t bfloat16(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return static_cast<uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

}  // namespace
}  // namespace qaconv
