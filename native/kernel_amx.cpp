// flags: -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512bf16 -mfma -mamx-tile -mamx-bf16
//
// On AMX: 32 x 32 responses in four of the eight tile registers, inputs in bfloat16, sums in single precision.
//
// Single precision is three bfloat16 numbers: a = a0 + a1 + a2, exactly, each a 256th of the one before. Of the nine
// products of two such sums the six up to a 65536th count; the three others are smaller than single precision's own
// rounding. That is faster here than the processor's single-precision instructions, and no less exact. See Henry, Tang
// and Heinecke, Leveraging the bfloat16 Artificial Intelligence Datatype For Higher-Precision Computations, 2019.
#include "kernel.h"

#if defined(__AMX_BF16__) && defined(__AVX512BF16__)
#define QACONV_LANES 16
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bfloat16_words.h"
#include "maxima.h"

namespace qaconv {
namespace {

constexpr int kTile = 16;             // rows of a tile register, and columns of a tile of sums
constexpr int kBlock = 2 * kTile;     // locations a side of a block
constexpr int kStep = 32;             // channels that one instruction consumes
constexpr int kTileWords = 16 * kTile;
constexpr int kRowBytes = 64;
// Query locations that stay in the first-level cache while the gallery's pass by.
constexpr int kPanel = 2 * kBlock;
// Rows of responses that are absorbed at a time.
constexpr int kPiece = 8;

struct Product {
    int query_part, gallery_part;
};
// The small ones first, so that they are not lost in the large; each shares a factor with the next.
template <int parts>
constexpr Product products[] = {{0, 0}};
template <>
constexpr Product products<3>[] = {{0, 2}, {2, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}};

int padded_locations(MapShape shape) { return rounded_up(shape.locations, kBlock); }
int steps_of(MapShape shape) { return rounded_up(shape.channels, kStep) / kStep; }

template <int parts>
size_t map_bytes(MapShape shape) {
    return sizeof(float) * padded_locations(shape) * steps_of(shape) * parts * (kStep / 2);
}

size_t workspace_bytes(MapShape shape) {
    return sizeof(float) * 8 * kTileWords + Maxima::bytes(padded_locations(shape), padded_locations(shape));
}

// The operating system must grant the tile registers to the process; to ask again does no harm.
bool available() {
    constexpr int kRequestPermission = 0x1023, kTileData = 18;
    unsigned eax, ebx, ecx, edx;
    __asm__("cpuid" : "=a"(eax), "=b"(ebx), "=c"(ecx), "=d"(edx) : "a"(7), "c"(0));
    const bool has_tiles = (edx >> 24 & 1) && (edx >> 22 & 1);
    return has_tiles && __builtin_cpu_supports("avx512bf16") &&
           syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
}

void begin_thread() {
    struct alignas(64) Configuration {
        uint8_t palette = 1, start_row = 0, reserved[14] = {};
        uint16_t bytes_per_row[16] = {};
        uint8_t rows[16] = {};
    } configuration;
    for (int tile = 0; tile < 8; ++tile)
        configuration.bytes_per_row[tile] = kRowBytes, configuration.rows[tile] = kTile;
    // GCC's intrinsic claims to read eight bytes only, and would leave the others unwritten.
    __asm__ volatile("" : : "r"(&configuration) : "memory");
    _tile_loadconfig(&configuration);
}

void end_thread() { _tile_release(); }

// Each part's 16 words of a location from a channel on.
template <int parts>
void words_at(const float* map, MapShape shape, int location, int channel, Vector (&words)[parts]) {
    const int existing = location < shape.locations ? location : shape.locations - 1;
    const float* source = map + size_t(existing) * shape.channels + channel;
    const int count = shape.channels - channel;
    Vector first = loaded(source, count), second = loaded(source + kLanes, count - kLanes);
    for (int part = 0; part < parts; ++part) {
        words[part] = bfloat16_words(first, second);
        first = bfloat16_remainder(first), second = bfloat16_remainder(second);
    }
}

// Tiles in the order of their use: (locations / 16, channels / 32, parts, 16 locations, 16 words). The gallery's are
// transposed, (..., 16 words, 16 locations), as the instruction wants its second factor.
template <int parts, bool is_gallery>
void pack(const float* map, MapShape shape, void* packed) {
    Vector* target = static_cast<Vector*>(packed);
    for (int first = 0; first < padded_locations(shape); first += kTile)
        for (int step = 0; step < steps_of(shape); ++step, target += parts * kTile) {
            Vector tiles[parts][kTile];
            for (int row = 0; row < kTile; ++row) {
                Vector words[parts];
                words_at<parts>(map, shape, first + row, step * kStep, words);
                for (int part = 0; part < parts; ++part) tiles[part][row] = words[part];
            }
            for (int part = 0; part < parts; ++part) {
                if (is_gallery) transpose(tiles[part]);
                for (int row = 0; row < kTile; ++row) target[part * kTile + row] = tiles[part][row];
            }
        }
}

// Adds the products of a step: of two tiles of query locations with two of gallery locations.
template <int parts>
inline void multiply(const float* upper, const float* lower, const float* left, const float* right) {
    int query_part = -1, gallery_part = -1;
#pragma GCC unroll 6
    for (Product product : products<parts>) {
        if (product.query_part != query_part) {
            query_part = product.query_part;
            _tile_loadd(4, upper + query_part * kTileWords, kRowBytes);
            _tile_loadd(5, lower + query_part * kTileWords, kRowBytes);
        }
        if (product.gallery_part != gallery_part) {
            gallery_part = product.gallery_part;
            _tile_loadd(6, left + gallery_part * kTileWords, kRowBytes);
            _tile_loadd(7, right + gallery_part * kTileWords, kRowBytes);
        }
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
}

// Responses of one block, in four tiles, on their way from the tile registers to the maxima.
struct Block {
    const Vector* tiles = nullptr;
    int row = 0, column = 0;

    template <bool with_places>
    inline __attribute__((always_inline)) void absorb_piece(int piece, Maxima& maxima) const {
        const int first_row = piece * kPiece;
        const Vector* responses = tiles + first_row / kTile * 2 * kTile + first_row % kTile;
        maxima.absorb<with_places, kPiece>(row + first_row, column / kLanes, [&](int row, int side) {
            return responses[kTile * side + row];
        });
    }
};

// While the tile registers work on a block, the vector registers absorb the one before it.
template <int parts, bool with_places>
void absorb_pair(const float* query, const float* gallery, MapShape shape, float* sums, Maxima& maxima) {
    constexpr int kPieces = kBlock / kPiece;
    const int locations = padded_locations(shape), steps = steps_of(shape);
    const size_t stripe = size_t(steps) * parts * kTileWords;  // of 16 locations
    Block previous;
    float* now = sums;
    for (int panel = 0; panel < locations; panel += kPanel)
        for (int column = 0; column < locations; column += kBlock)
            for (int row = panel; row < panel + kPanel && row < locations; row += kBlock) {
                const float* upper = query + row / kTile * stripe;
                const float* left = gallery + column / kTile * stripe;
                int piece = previous.tiles != nullptr ? 0 : kPieces;
                _tile_zero(0);
                _tile_zero(1);
                _tile_zero(2);
                _tile_zero(3);
                for (int step = 0; step < steps; ++step) {
                    multiply<parts>(upper, upper + stripe, left, left + stripe);
                    upper += parts * kTileWords, left += parts * kTileWords;
                    if (piece < kPieces) previous.absorb_piece<with_places>(piece++, maxima);
                }
                while (piece < kPieces) previous.absorb_piece<with_places>(piece++, maxima);
                _tile_stored(0, now, kRowBytes);
                _tile_stored(1, now + kTileWords, kRowBytes);
                _tile_stored(2, now + 2 * kTileWords, kRowBytes);
                _tile_stored(3, now + 3 * kTileWords, kRowBytes);
                previous = {reinterpret_cast<const Vector*>(now), row, column};
                now = now == sums ? sums + 4 * kTileWords : sums;
            }
    for (int piece = 0; piece < kPieces; ++piece) previous.absorb_piece<with_places>(piece, maxima);
}

template <int parts>
double weighted_sum(const void* query, const void* gallery, MapShape shape, Weights weights, void* workspace,
                    Places places) {
    float* sums = static_cast<float*>(workspace);
    Maxima maxima(sums + 8 * kTileWords, padded_locations(shape), padded_locations(shape), places);
    const auto absorb = maxima.wants_places() ? absorb_pair<parts, true> : absorb_pair<parts, false>;
    absorb(static_cast<const float*>(query), static_cast<const float*>(gallery), shape, sums, maxima);
    return maxima.finish(shape, weights);
}

template <int parts>
constexpr Kernel kernel(const char* name, Precision precision) {
    return {name, precision, available, map_bytes<parts>, map_bytes<parts>, workspace_bytes, begin_thread, end_thread,
            pack<parts, false>, pack<parts, true>, weighted_sum<parts>};
}

const Kernel bf16 = kernel<1>("amx_bf16", Precision::bf16);
const Kernel fp32 = kernel<3>("amx_bf16x3", Precision::fp32);

}  // namespace

const Kernel* const amx_bf16_kernel = &bf16;
const Kernel* const amx_fp32_kernel = &fp32;

}  // namespace qaconv
#else
namespace qaconv {
const Kernel* const amx_bf16_kernel = nullptr;
const Kernel* const amx_fp32_kernel = nullptr;
}  // namespace qaconv
#endif
