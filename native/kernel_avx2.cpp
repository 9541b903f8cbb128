// flags: -mavx2 -mfma
//
// Single precision on AVX2: 6 x 16 responses in 12 of the 16 registers.
#include "kernel.h"

#if defined(__AVX2__) && defined(__FMA__)
#define QACONV_LANES 8
#define QACONV_ROWS 6
#include "float_element.h"
#include "register_kernel.h"

namespace qaconv {
namespace {
bool available() { return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"); }
const Kernel kernel = register_kernel("avx2", Precision::fp32, available);
}  // namespace
const Kernel* const avx2_kernel = &kernel;
}  // namespace qaconv
#else
namespace qaconv {
const Kernel* const avx2_kernel = nullptr;
}
#endif
