// flags: -mavx512f -mavx512bw -mavx512vl -mavx512dq -mavx512bf16 -mfma -mamx-tile -mamx-bf16
//
// On AMX: tiles of 16 x 16 responses in the tile registers, inputs in bfloat16, sums in single precision.
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
constexpr int kStep = 32;             // channels that one instruction consumes
constexpr int kTileWords = 16 * kTile;
constexpr int kRowBytes = 64;
// Steps whose tiles of query locations stay in registers.
constexpr int kMostHeld = 4;
// Gallery locations that stay in the first-level cache while the query's pass by: of 128 channels a half of it.
constexpr int kPanel = 6 * kTile;
// Rows of responses that are absorbed at a time.
constexpr int kPiece = 8;

int padded_locations(MapShape shape) { return rounded_up(shape.locations, kTile); }
// Maxima are taken of two tiles side by side; the last may be missing.
int padded_columns(MapShape shape) { return rounded_up(shape.locations, 2 * kTile); }
int steps_of(MapShape shape) { return rounded_up(shape.channels, kStep) / kStep; }

template <int parts>
size_t map_bytes(MapShape shape) {
    return sizeof(float) * padded_locations(shape) * steps_of(shape) * parts * (kStep / 2);
}

size_t workspace_bytes(MapShape shape) {
    return sizeof(float) * 4 * kTileWords + Maxima::bytes(padded_locations(shape), padded_columns(shape));
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

// GCC's intrinsics take no template's numbers.
template <int tile>
inline void zero_tile() {
    __asm__ volatile("tilezero %%tmm%c0" : : "i"(tile));
}
template <int tile>
inline void load_tile(const float* source) {
    __asm__ volatile("tileloadd (%1,%2,1), %%tmm%c0" : : "i"(tile), "r"(source), "r"(int64_t{kRowBytes}) : "memory");
}
template <int tile>
inline void store_tile(float* target) {
    __asm__ volatile("tilestored %%tmm%c0, (%1,%2,1)" : : "i"(tile), "r"(target), "r"(int64_t{kRowBytes}) : "memory");
}
// sums += rows * columns
template <int sums, int rows, int columns>
inline void multiply_tiles() {
    __asm__ volatile("tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0" : : "i"(sums), "i"(rows), "i"(columns));
}

// Responses of a tile of query locations to two of gallery locations, stored one after the other.
struct Strip {
    float* tiles = nullptr;
    int row = 0, column = 0, rows = 0;
    // From a tile to its right neighbour; where there is none it is its own, which changes no maximum.
    int to_right = 0;

    template <bool with_places>
    inline __attribute__((always_inline)) void absorb_piece(int first_row, Maxima& maxima) const {
        if (first_row >= rows) return;
        const Vector* responses = reinterpret_cast<const Vector*>(tiles) + first_row;
        maxima.absorb<with_places, kPiece>(row + first_row, column / kLanes, [&](int row, int side) {
            return responses[to_right * side + row];
        });
    }
};

// Tile registers 0 and 1 take sums, of a strip's left and right tile: while one does, the other is stored, and the
// vector registers absorb the strip before. The query's tiles are in 4 to 7.
template <int sums, int step>
inline void multiply_held(const float* columns, int steps) {
    if (step >= steps) return;
    load_tile<2 + step % 2>(columns + step * kTileWords);
    multiply_tiles<sums, 4 + step, 2 + step % 2>();
}

template <int step>
inline void hold(const float* rows, int steps) {
    if (step < steps) load_tile<4 + step>(rows + step * kTileWords);
}

template <bool with_places>
void absorb_of_few_steps(const float* query, const float* gallery, MapShape shape, float* stored, Maxima& maxima) {
    const int locations = padded_locations(shape), steps = steps_of(shape);
    const size_t stripe = size_t(steps) * kTileWords;  // of 16 locations
    Strip previous;
    float* now = stored;
    for (int panel = 0; panel < locations; panel += kPanel)
        for (int row = 0; row < locations; row += kTile) {
            const float* rows = query + row / kTile * stripe;
            hold<0>(rows, steps), hold<1>(rows, steps), hold<2>(rows, steps), hold<3>(rows, steps);
            for (int column = panel; column < panel + kPanel && column < locations; column += 2 * kTile) {
                const float* left = gallery + column / kTile * stripe;
                const float* right = left + stripe;
                const bool has_right = column + kTile < locations;
                zero_tile<0>();
                multiply_held<0, 0>(left, steps), multiply_held<0, 1>(left, steps);
                if (previous.to_right) store_tile<1>(previous.tiles + kTileWords);
                multiply_held<0, 2>(left, steps), multiply_held<0, 3>(left, steps);
                previous.absorb_piece<with_places>(0, maxima);
                if (has_right) {
                    zero_tile<1>();
                    multiply_held<1, 0>(right, steps), multiply_held<1, 1>(right, steps);
                }
                store_tile<0>(now);
                if (has_right) multiply_held<1, 2>(right, steps), multiply_held<1, 3>(right, steps);
                previous.absorb_piece<with_places>(kPiece, maxima);
                previous = {now, row, column, kTile, has_right ? kTile : 0};
                now = now == stored ? stored + 2 * kTileWords : stored;
            }
        }
    if (previous.to_right) store_tile<1>(previous.tiles + kTileWords);
    for (int row = 0; row < kTile; row += kPiece) previous.absorb_piece<with_places>(row, maxima);
}

// Adds the products of a step to a strip's two sums, of parts the small ones first, so that they are not lost in the
// large. Each tile is loaded once.
template <int parts, int sums, bool has_right>
inline void multiply_step(const float* rows, const float* left, const float* right) {
    const auto load_columns = [&](int part) {
        load_tile<6>(left + part * kTileWords);
        if (has_right) load_tile<7>(right + part * kTileWords);
    };
    const auto multiply_first = [] {
        multiply_tiles<sums, 4, 6>();
        if (has_right) multiply_tiles<sums + 1, 4, 7>();
    };
    const auto multiply_other = [] {
        multiply_tiles<sums, 5, 6>();
        if (has_right) multiply_tiles<sums + 1, 5, 7>();
    };
    load_tile<4>(rows);
    if (parts == 3) {
        load_columns(2);
        multiply_first();
        load_columns(1);
        multiply_first();
        load_tile<5>(rows + kTileWords);
        multiply_other();
    }
    load_columns(0);
    if (parts == 3) {
        multiply_other();
        load_tile<5>(rows + 2 * kTileWords);
        multiply_other();
    }
    multiply_first();
}

// A strip into two tile registers, while the two others, of the strip before, are stored and absorbed.
template <int parts, bool with_places, int sums, bool has_right>
inline void multiply_strip(const float* rows, const float* left, int steps, const Strip& previous, Maxima& maxima) {
    const float* right = left + size_t(steps) * parts * kTileWords;
    int absorbed = 0;
    zero_tile<sums>(), zero_tile<sums + 1>();
    for (int step = 0; step < steps; ++step) {
        const size_t first = size_t(step) * parts * kTileWords;
        multiply_step<parts, sums, has_right>(rows + first, left + first, right + first);
        if (step == 0) {
            store_tile<2 - sums>(previous.tiles), store_tile<3 - sums>(previous.tiles + kTileWords);
        } else {
            previous.absorb_piece<with_places>(absorbed, maxima), absorbed += kPiece;
        }
    }
    for (; absorbed < kTile; absorbed += kPiece) previous.absorb_piece<with_places>(absorbed, maxima);
}

template <int parts, bool with_places>
void absorb_of_many_steps(const float* query, const float* gallery, MapShape shape, float* stored, Maxima& maxima) {
    constexpr decltype(&multiply_strip<parts, with_places, 0, true>) multiply[2][2] = {
        {multiply_strip<parts, with_places, 0, false>, multiply_strip<parts, with_places, 0, true>},
        {multiply_strip<parts, with_places, 2, false>, multiply_strip<parts, with_places, 2, true>}};
    const int locations = padded_locations(shape), steps = steps_of(shape);
    const size_t stripe = size_t(steps) * parts * kTileWords;  // of 16 locations
    Strip previous;
    previous.tiles = stored;
    bool odd = false;
    for (int column = 0; column < locations; column += 2 * kTile) {
        const bool has_right = column + kTile < locations;
        for (int row = 0; row < locations; row += kTile, odd = !odd) {
            multiply[odd][has_right](query + row / kTile * stripe, gallery + column / kTile * stripe, steps, previous,
                                     maxima);
            previous = {stored, row, column, kTile, has_right ? kTile : 0};
        }
    }
    if (odd) {
        store_tile<0>(stored), store_tile<1>(stored + kTileWords);
    } else {
        store_tile<2>(stored), store_tile<3>(stored + kTileWords);
    }
    for (int row = 0; row < kTile; row += kPiece) previous.absorb_piece<with_places>(row, maxima);
}

template <int parts, bool with_places>
void absorb_pair(const float* query, const float* gallery, MapShape shape, float* stored, Maxima& maxima) {
    const bool few = parts == 1 && steps_of(shape) <= kMostHeld;
    const auto absorb = few ? absorb_of_few_steps<with_places> : absorb_of_many_steps<parts, with_places>;
    absorb(query, gallery, shape, stored, maxima);
}

template <int parts>
double weighted_sum(const void* query, const void* gallery, MapShape shape, Weights weights, void* workspace,
                    Places places) {
    float* stored = static_cast<float*>(workspace);
    Maxima maxima(stored + 4 * kTileWords, padded_locations(shape), padded_columns(shape), places);
    const auto absorb = maxima.wants_places() ? absorb_pair<parts, true> : absorb_pair<parts, false>;
    absorb(static_cast<const float*>(query), static_cast<const float*>(gallery), shape, stored, maxima);
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
