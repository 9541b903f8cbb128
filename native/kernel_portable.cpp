// Single precision in vectors of four, which every 64-bit processor has: SSE2, NEON.
#include "kernel.h"

#define QACONV_LANES 4
#define QACONV_ROWS 6
#include "float_element.h"
#include "register_kernel.h"

namespace qaconv {
namespace {
bool available() { return true; }
const Kernel kernel = {"portable", available, query_bytes, gallery_bytes, workspace_bytes, no_thread_state,
                       no_thread_state, pack_query, pack_gallery, score, score_with_indices};
}  // namespace
const Kernel* const portable_kernel = &kernel;
}  // namespace qaconv
