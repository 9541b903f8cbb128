// What the engine asks of a kernel: packed maps in, one pair's weighted sum of maxima out.
//
// A pair's responses, (query locations x gallery locations) inner products, are made in tiles that fit the registers;
// both maxima are taken while a tile is at hand, so that the responses never reach memory. Each processor family has a
// kernel in a file of its own, compiled for it; engine.cpp chooses one when the program runs.
#pragma once

#include <cstddef>
#include <cstdint>

namespace qaconv {

enum class Precision { fp32, bf16 };

// Size of the maps of one call. All maps have the same.
struct MapShape {
    int locations;
    int channels;
};

// What each location's maximum counts in the sum: (locations) numbers each.
struct Weights {
    const double* query;
    const double* gallery;
};

// Where to write the places of the maxima, (locations) each: for a query location the gallery location with the
// largest response, and the reverse; of equal ones the first. Null where nobody asks; and the maxima themselves, where
// somebody asks for them too.
struct Places {
    int32_t* of_query;
    int32_t* of_gallery;
    float* query_maxima = nullptr;
    float* gallery_maxima = nullptr;
};

struct Kernel {
    const char* name;
    // Of the numbers that it multiplies; sums are in single precision.
    Precision precision;
    bool (*available)();
    // Bytes of one packed map, and of a thread's workspace; all memory is 64-byte aligned.
    size_t (*query_bytes)(MapShape);
    size_t (*gallery_bytes)(MapShape);
    size_t (*workspace_bytes)(MapShape);
    // Before the first and after the last call of a thread.
    void (*begin_thread)();
    void (*end_thread)();
    // From (locations, channels) floats, dense; the source may be unaligned.
    void (*pack_query)(const float* map, MapShape, void* packed);
    void (*pack_gallery)(const float* map, MapShape, void* packed);
    double (*weighted_sum)(const void* query, const void* gallery, MapShape, Weights, void* workspace, Places);
};

// Null where the compiler or the processor family has no such kernel.
extern const Kernel* const amx_bf16_kernel;
extern const Kernel* const amx_fp32_kernel;
extern const Kernel* const avx512_bf16_kernel;
extern const Kernel* const avx512_kernel;
extern const Kernel* const avx2_kernel;
extern const Kernel* const portable_kernel;

}  // namespace qaconv
