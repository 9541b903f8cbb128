// A kernel that holds a tile of responses in registers while the channels pass by: kRows query locations against
// 2 * kLanes gallery locations. A file defines QACONV_LANES and QACONV_ROWS, includes maxima.h, says in a struct
// Element how channels are packed into words of 32 bits and multiplied, and includes this.
//
// Locations beyond the map's are copies of its last one: a copy changes no maximum, and its own is not summed.
#pragma once

#include "maxima.h"

namespace qaconv {
namespace {

constexpr int kRows = QACONV_ROWS;
constexpr int kColumns = 2 * kLanes;

int padded_rows(MapShape shape) { return rounded_up(shape.locations, kRows); }
int padded_columns(MapShape shape) { return rounded_up(shape.locations, kColumns); }
int words_of(MapShape shape) { return (shape.channels + Element::channels - 1) / Element::channels; }

size_t query_bytes(MapShape shape) { return sizeof(float) * padded_rows(shape) * words_of(shape); }
size_t gallery_bytes(MapShape shape) { return sizeof(float) * padded_columns(shape) * words_of(shape); }
size_t workspace_bytes(MapShape shape) { return Maxima::bytes(padded_rows(shape), padded_columns(shape)); }

// kLanes words of a location, or as many as there are and zeros.
Vector words_at(const float* map, MapShape shape, int location, int first_word) {
    const int existing = location < shape.locations ? location : shape.locations - 1;
    const int channel = first_word * Element::channels;
    return Element::words(map + size_t(existing) * shape.channels + channel, shape.channels - channel);
}

// (locations, channels) -> (locations / kRows, words, kRows)
void pack_query(const float* map, MapShape shape, void* packed) {
    const int words = words_of(shape);
    for (int location = 0; location < padded_rows(shape); ++location) {
        const int panel = location / kRows;
        float* target = static_cast<float*>(packed) + size_t(panel) * kRows * words + location % kRows;
        for (int first = 0; first < words; first += kLanes) {
            const Vector several = words_at(map, shape, location, first);
            for (int lane = 0; lane < kLanes && first + lane < words; ++lane)
                target[size_t(first + lane) * kRows] = several[lane];
        }
    }
}

// (locations, channels) -> (locations / kColumns, words, kColumns)
void pack_gallery(const float* map, MapShape shape, void* packed) {
    const int words = words_of(shape);
    for (int location = 0; location < padded_columns(shape); location += kLanes) {
        const int panel = location / kColumns;
        float* target = static_cast<float*>(packed) + size_t(panel) * kColumns * words + location % kColumns;
        for (int first = 0; first < words; first += kLanes) {
            Vector square[kLanes];
            for (int lane = 0; lane < kLanes; ++lane) square[lane] = words_at(map, shape, location + lane, first);
            transpose(square);
            for (int lane = 0; lane < kLanes && first + lane < words; ++lane)
                *reinterpret_cast<Vector*>(target + size_t(first + lane) * kColumns) = square[lane];
        }
    }
}

template <bool with_places>
void absorb_tile(const float* rows, const float* columns, int words, int first_row, int column_block, Maxima& maxima) {
    Vector tile[kRows][2] = {};
    for (int word = 0; word < words; ++word) {
        const Vector left = reinterpret_cast<const Vector*>(columns)[0];
        const Vector right = reinterpret_cast<const Vector*>(columns)[1];
#pragma GCC unroll 16
        for (int row = 0; row < kRows; ++row) {
            const Vector one = repeated(rows[row]);
            tile[row][0] = Element::multiply_add(left, one, tile[row][0]);
            tile[row][1] = Element::multiply_add(right, one, tile[row][1]);
        }
        rows += kRows;
        columns += kColumns;
    }
    maxima.absorb<with_places, kRows>(first_row, column_block, [&](int row, int side) { return tile[row][side]; });
}

template <bool with_places>
void absorb_pair(const float* query, const float* gallery, MapShape shape, Maxima& maxima) {
    const int words = words_of(shape);
    for (int column = 0; column < padded_columns(shape); column += kColumns)
        for (int row = 0; row < padded_rows(shape); row += kRows)
            absorb_tile<with_places>(query + size_t(row) * words, gallery + size_t(column) * words, words, row,
                                     column / kLanes, maxima);
}

double weighted_sum(const void* query, const void* gallery, MapShape shape, Weights weights, void* workspace,
                    Places places) {
    Maxima maxima(workspace, padded_rows(shape), padded_columns(shape), places);
    const auto absorb = maxima.wants_places() ? absorb_pair<true> : absorb_pair<false>;
    absorb(static_cast<const float*>(query), static_cast<const float*>(gallery), shape, maxima);
    return maxima.finish(shape, weights);
}

constexpr Kernel register_kernel(const char* name, Precision precision, bool (*available)()) {
    constexpr auto nothing = [] {};
    return {name, precision, available, query_bytes, gallery_bytes, workspace_bytes, nothing, nothing, pack_query,
            pack_gallery, weighted_sum};
}

}  // namespace
}  // namespace qaconv
