// bfloat16 inputs, single-precision sums, on AMX: 32 x 32 responses in four of the eight tile registers.
#include "kernel.h"

#if defined(__AMX_BF16__) && defined(__AVX512F__)
#define QACONV_LANES 16
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bfloat16.h"
#include "maxima.h"

namespace qaconv {
namespace {

constexpr int kTile = 16;           // rows of a tile register, and columns of a tile of sums
constexpr int kBlock = 2 * kTile;   // locations a side of a block
constexpr int kStep = 32;           // channels that one instruction consumes

int padded_locations(MapShape shape) { return rounded_up(shape.locations, kBlock); }
int padded_channels(MapShape shape) { return rounded_up(shape.channels, kStep); }

size_t map_bytes(MapShape shape) { return sizeof(uint16_t) * padded_locations(shape) * padded_channels(shape); }

size_t workspace_bytes(MapShape shape) {
    return Maxima::bytes(padded_locations(shape), padded_locations(shape)) + 4 * sizeof(float) * kTile * kTile;
}

// The operating system must grant the tile registers to the process, once; the request is harmless when repeated.
bool available() {
    constexpr int kRequestPermission = 0x1023, kTileData = 18;
    unsigned eax, ebx, ecx, edx;
    __asm__("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(7), "c"(0));
    const bool has_tiles = (edx >> 24 & 1) && (edx >> 22 & 1);
    return has_tiles && __builtin_cpu_supports("avx512f") &&
           syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

void begin_thread() {
    struct alignas(64) Configuration {
        uint8_t palette = 1, start_row = 0, reserved[14] = {};
        uint16_t bytes_per_row[16] = {};
        uint8_t rows[16] = {};
    } configuration;
    for (int tile = 0; tile < 8; ++tile) configuration.bytes_per_row[tile] = 64, configuration.rows[tile] = kTile;
    // GCC's intrinsic claims to read eight bytes only, and would leave the others unwritten.
    __asm__ volatile("" : : "r"(&configuration) : "memory");
    _tile_loadconfig(&configuration);
}

void end_thread() { _tile_release(); }

// Tiles of 16 locations x 32 channels, one after the other in memory: (locations / 16, channels / 32, 16, 32).
void pack_query(const float* map, MapShape shape, void* packed) {
    uint16_t* target = static_cast<uint16_t*>(packed);
    for (int first = 0; first < padded_locations(shape); first += kTile)
        for (int step = 0; step < padded_channels(shape); step += kStep)
            for (int row = 0; row < kTile; ++row) {
                const int location = first + row < shape.locations ? first + row : shape.locations - 1;
                const float* source = map + size_t(location) * shape.channels;
                for (int channel = step; channel < step + kStep; ++channel)
                    *target++ = channel < shape.channels ? bfloat16(source[channel]) : 0;
            }
}

// The same transposed, by pairs of channels, as the instruction wants its second factor:
// (locations / 16, channels / 32, 16 pairs, 16 locations, 2).
void pack_gallery(const float* map, MapShape shape, void* packed) {
    uint16_t* target = static_cast<uint16_t*>(packed);
    for (int first = 0; first < padded_locations(shape); first += kTile)
        for (int step = 0; step < padded_channels(shape); step += kStep)
            for (int pair = 0; pair < kTile; ++pair)
                for (int column = 0; column < kTile; ++column) {
                    const int location = first + column < shape.locations ? first + column : shape.locations - 1;
                    const float* source = map + size_t(location) * shape.channels;
                    for (int channel = step + 2 * pair; channel < step + 2 * pair + 2; ++channel)
                        *target++ = channel < shape.channels ? bfloat16(source[channel]) : 0;
                }
}

template <bool with_indices>
Maxima all_maxima(const void* query, const void* gallery, MapShape shape, Workspace workspace) {
    const int locations = padded_locations(shape), channels = padded_channels(shape);
    float* sums = static_cast<float*>(workspace);  // 4 tiles
    Maxima maxima(sums + 4 * kTile * kTile, locations, locations);
    maxima.clear(locations, locations);
    const size_t stripe = size_t(kTile) * channels;  // of 16 locations
    for (int row = 0; row < locations; row += kBlock) {
        const uint16_t* upper = static_cast<const uint16_t*>(query) + size_t(row) * channels;
        for (int column = 0; column < locations; column += kBlock) {
            const uint16_t* left = static_cast<const uint16_t*>(gallery) + size_t(column) * channels;
            _tile_zero(0);
            _tile_zero(1);
            _tile_zero(2);
            _tile_zero(3);
            for (int step = 0; step < channels * kTile; step += kStep * kTile) {
                _tile_loadd(4, upper + step, 64);
                _tile_loadd(5, upper + stripe + step, 64);
                _tile_loadd(6, left + step, 64);
                _tile_loadd(7, left + stripe + step, 64);
                _tile_dpbf16ps(0, 4, 6);
                _tile_dpbf16ps(1, 4, 7);
                _tile_dpbf16ps(2, 5, 6);
                _tile_dpbf16ps(3, 5, 7);
            }
            _tile_stored(0, sums, 64);
            _tile_stored(1, sums + kTile * kTile, 64);
            _tile_stored(2, sums + 2 * kTile * kTile, 64);
            _tile_stored(3, sums + 3 * kTile * kTile, 64);
            const Vector* responses = reinterpret_cast<const Vector*>(sums);
            for (int half = 0; half < 2; ++half) {
                const Vector* tiles = responses + 2 * kTile * half;
                maxima.absorb<with_indices>(row + kTile * half, kTile, column / kLanes, [&](int row, int side) {
                    return tiles[kTile * side + row];
                });
            }
        }
    }
    return maxima;
}

}  // namespace
}  // namespace qaconv

#include "pair_score.h"

namespace qaconv {
namespace {
const Kernel kernel = {"amx_bf16", available,  map_bytes,    map_bytes,    workspace_bytes,   begin_thread,
                       end_thread, pack_query, pack_gallery, score,        score_with_indices};
}  // namespace
const Kernel* const amx_bf16_kernel = &kernel;
}  // namespace qaconv
#else
namespace qaconv {
const Kernel* const amx_bf16_kernel = nullptr;
}
#endif
