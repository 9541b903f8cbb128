// bfloat16 inputs, single-precision sums, on AVX-512 without AMX: 12 x 32 responses in 24 of the 32 registers.
#include "kernel.h"

#if defined(__AVX512BF16__)
#include <immintrin.h>
#define QACONV_LANES 16
#define QACONV_ROWS 12
#include "bfloat16.h"
#include "maxima.h"

namespace qaconv {
namespace {
struct Element {
    using Number = uint16_t;
    static constexpr int channels = 2;
    static uint16_t packed(float number) { return bfloat16(number); }
    static __m512bh several(const uint16_t* numbers) { return (__m512bh)_mm512_load_si512(numbers); }
    static __m512bh repeated(const uint16_t* pair) {
        int32_t both;
        std::memcpy(&both, pair, sizeof both);
        return (__m512bh)_mm512_set1_epi32(both);
    }
    static Vector multiply_add(__m512bh a, __m512bh b, Vector sum) {
        return (Vector)_mm512_dpbf16_ps((__m512)sum, a, b);
    }
};
}  // namespace
}  // namespace qaconv

#include "register_kernel.h"

namespace qaconv {
namespace {
bool available() { return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bf16"); }
const Kernel kernel = {"avx512_bf16",   available,  query_bytes,  gallery_bytes, workspace_bytes,   no_thread_state,
                       no_thread_state, pack_query, pack_gallery, score,         score_with_indices};
}  // namespace
const Kernel* const avx512_bf16_kernel = &kernel;
}  // namespace qaconv
#else
namespace qaconv {
const Kernel* const avx512_bf16_kernel = nullptr;
}
#endif
