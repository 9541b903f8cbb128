// flags: -mavx512f -mavx512bw -mavx512vl -mavx512dq -mfma
//
// Single precision on AVX-512: 12 x 32 responses in 24 of the 32 registers.
#include "kernel.h"

#if defined(__AVX512F__)
#define QACONV_LANES 16
#define QACONV_ROWS 12
#include "float_element.h"
#include "register_kernel.h"

namespace qaconv {
namespace {
bool available() {
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
}
const Kernel kernel = register_kernel("avx512", Precision::fp32, available);
}  // namespace
const Kernel* const avx512_kernel = &kernel;
}  // namespace qaconv
#else
namespace qaconv {
const Kernel* const avx512_kernel = nullptr;
}
#endif
