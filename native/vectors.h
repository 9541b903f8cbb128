// The compiler's own vectors, of as many lanes as a kernel file says in QACONV_LANES before it includes this.
//
// Everything here, and in the headers that include it, is in an anonymous namespace: each kernel file is compiled for
// another processor, and a linker that merged two files' functions could pick the one that this processor cannot run.
// For the same reason kernels call nothing of the standard library but memcpy.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

namespace qaconv {
namespace {

constexpr int kLanes = QACONV_LANES;
typedef float Vector __attribute__((vector_size(4 * kLanes), may_alias));

constexpr int rounded_up(int number, int multiple) { return (number + multiple - 1) / multiple * multiple; }

// x - 0 is x, whatever x is, and no instruction; 0 + x would be one, because it makes a 0 of -0.
inline Vector repeated(float x) { return x - Vector{}; }

inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }
inline Vector smaller(Vector a, Vector b) { return a < b ? a : b; }

// The first `count` numbers of those at `source`, at most kLanes, then zeros.
inline Vector loaded(const float* source, int count) {
    Vector numbers = {};
    if (count >= kLanes) {
        std::memcpy(&numbers, source, sizeof numbers);
    } else if (count > 0) {
        std::memcpy(&numbers, source, count * sizeof *source);
    }
    return numbers;
}

using Lanes = std::make_integer_sequence<int, kLanes>;

// a[first], b[first], a[first + 1], b[first + 1], ...
template <int first, int... lane>
inline Vector interleaved(Vector a, Vector b, std::integer_sequence<int, lane...>) {
#if defined(__clang__)
    return __builtin_shufflevector(a, b, (lane % 2 * kLanes + first + lane / 2)...);
#else
    typedef int32_t Order __attribute__((vector_size(4 * kLanes)));
    return __builtin_shuffle(a, b, Order{(lane % 2 * kLanes + first + lane / 2)...});
#endif
}

inline Vector lower_halves(Vector a, Vector b) { return interleaved<0>(a, b, Lanes()); }
inline Vector upper_halves(Vector a, Vector b) { return interleaved<kLanes / 2>(a, b, Lanes()); }

// Lane i of the result combines all lanes of row i.
template <class Combine>
inline Vector combined_lanes(Vector (&rows)[kLanes], Combine combine) {
#pragma GCC unroll 4
    for (int half = kLanes / 2; half > 0; half /= 2)
#pragma GCC unroll 8
        for (int row = 0; row < half; ++row)
            rows[row] = combine(lower_halves(rows[row], rows[row + half]), upper_halves(rows[row], rows[row + half]));
    return rows[0];
}

// A square of numbers, by perfect shuffles of its rows.
inline void transpose(Vector (&rows)[kLanes]) {
#pragma GCC unroll 4
    for (int pass = 1; pass < kLanes; pass *= 2) {
        Vector shuffled[kLanes];
#pragma GCC unroll 8
        for (int row = 0; row < kLanes / 2; ++row) {
            shuffled[2 * row] = lower_halves(rows[row], rows[row + kLanes / 2]);
            shuffled[2 * row + 1] = upper_halves(rows[row], rows[row + kLanes / 2]);
        }
#pragma GCC unroll 16
        for (int row = 0; row < kLanes; ++row) rows[row] = shuffled[row];
    }
}

}  // namespace
}  // namespace qaconv
