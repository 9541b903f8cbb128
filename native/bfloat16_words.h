// bfloat16 numbers in words of two, by AVX-512's instructions.
#pragma once

#include <immintrin.h>

#include "vectors.h"

namespace qaconv {
namespace {

// 32 numbers in 16 words.
inline Vector bfloat16_words(Vector first, Vector second) {
    return (Vector)_mm512_cvtne2ps_pbh((__m512)second, (__m512)first);
}

// What rounding to bfloat16, to nearest, ties to even, leaves of numbers; exactly.
inline Vector bfloat16_remainder(Vector numbers) {
    typedef uint32_t Bits __attribute__((vector_size(4 * kLanes), may_alias));
    const Bits bits = (Bits)numbers;
    return numbers - (Vector)((bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000);
}

}  // namespace
}  // namespace qaconv
