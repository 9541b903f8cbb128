// Single precision in vectors of four, which every 64-bit processor has: SSE2 with 16 registers, NEON with 32.
#include "kernel.h"

#define QACONV_LANES 4
#if defined(__aarch64__)
#define QACONV_ROWS 12
#else
#define QACONV_ROWS 6
#endif
#include "float_element.h"
#include "register_kernel.h"

namespace qaconv {
namespace {
bool available() { return true; }
const Kernel kernel = register_kernel("portable", Precision::fp32, available);
}  // namespace
const Kernel* const portable_kernel = &kernel;
}  // namespace qaconv
