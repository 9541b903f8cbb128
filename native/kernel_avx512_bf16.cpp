// flags: -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512bf16 -mfma
//
// bfloat16 inputs, single-precision sums, on AVX-512 without AMX: 12 x 32 responses in 24 of the 32 registers.
#include "kernel.h"

#if defined(__AVX512BF16__)
#define QACONV_LANES 16
#define QACONV_ROWS 12
#include "bfloat16_words.h"
#include "maxima.h"

namespace qaconv {
namespace {
struct Element {
    static constexpr int channels = 2;
    static Vector words(const float* source, int count) {
        return bfloat16_words(loaded(source, count), loaded(source + kLanes, count - kLanes));
    }
    static Vector multiply_add(Vector a, Vector b, Vector sum) {
        return (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
    }
};
}  // namespace
}  // namespace qaconv

#include "register_kernel.h"

namespace qaconv {
namespace {
bool available() { return __builtin_cpu_supports("avx512bf16"); }
const Kernel kernel = register_kernel("avx512_bf16", Precision::bf16, available);
}  // namespace
const Kernel* const avx512_bf16_kernel = &kernel;
}  // namespace qaconv
#else
namespace qaconv {
const Kernel* const avx512_bf16_kernel = nullptr;
}
#endif
