// A kernel that holds a tile of responses in registers while the channels pass by: kRows query locations against
// 2 * kLanes gallery locations. A file defines QACONV_LANES and QACONV_ROWS, includes maxima.h, says in a struct
// Element how numbers are packed and multiplied, and includes this.
//
// Locations beyond the map's are copies of its last one: a copy changes no maximum, and its own is not summed.
#pragma once

#include "maxima.h"

namespace qaconv {
namespace {

constexpr int kRows = QACONV_ROWS;
constexpr int kColumns = 2 * kLanes;
constexpr int kTogether = Element::channels;  // channels that one instruction consumes

int padded_rows(MapShape shape) { return rounded_up(shape.locations, kRows); }
int padded_columns(MapShape shape) { return rounded_up(shape.locations, kColumns); }
int padded_channels(MapShape shape) { return rounded_up(shape.channels, kTogether); }

size_t packed_bytes(int locations, MapShape shape) {
    return sizeof(Element::Number) * locations * padded_channels(shape);
}

size_t query_bytes(MapShape shape) { return packed_bytes(padded_rows(shape), shape); }
size_t gallery_bytes(MapShape shape) { return packed_bytes(padded_columns(shape), shape); }
size_t workspace_bytes(MapShape shape) { return Maxima::bytes(padded_rows(shape), padded_columns(shape)); }

// (locations, channels) -> (locations / width, channels / kTogether, width, kTogether).
void pack(const float* map, MapShape shape, int width, Element::Number* packed) {
    const int channels = padded_channels(shape);
    for (int first = 0; first < rounded_up(shape.locations, width); first += width) {
        for (int offset = 0; offset < width; ++offset) {
            const int location = first + offset < shape.locations ? first + offset : shape.locations - 1;
            const float* source = map + size_t(location) * shape.channels;
            Element::Number* target = packed + size_t(first) * channels + offset * kTogether;
            for (int channel = 0; channel < channels; ++channel) {
                const int step = channel / kTogether, within = channel % kTogether;
                target[size_t(step) * width * kTogether + within] =
                    channel < shape.channels ? Element::packed(source[channel]) : Element::Number(0);
            }
        }
    }
}

void pack_query(const float* map, MapShape shape, void* packed) {
    pack(map, shape, kRows, static_cast<Element::Number*>(packed));
}

void pack_gallery(const float* map, MapShape shape, void* packed) {
    pack(map, shape, kColumns, static_cast<Element::Number*>(packed));
}

template <bool with_indices>
void absorb_tile(const Element::Number* rows, const Element::Number* columns, int channels, int first_row,
                 int column_block, Maxima& maxima) {
    Vector tile[kRows][2] = {};
    for (int channel = 0; channel < channels; channel += kTogether) {
        const auto left = Element::several(columns), right = Element::several(columns + kLanes * kTogether);
#pragma GCC unroll 16
        for (int row = 0; row < kRows; ++row) {
            const auto one = Element::repeated(rows + row * kTogether);
            tile[row][0] = Element::multiply_add(left, one, tile[row][0]);
            tile[row][1] = Element::multiply_add(right, one, tile[row][1]);
        }
        rows += kRows * kTogether;
        columns += kColumns * kTogether;
    }
    maxima.absorb<with_indices>(first_row, kRows, column_block, [&](int row, int side) { return tile[row][side]; });
}

template <bool with_indices>
Maxima all_maxima(const void* query, const void* gallery, MapShape shape, Workspace workspace) {
    const int rows = padded_rows(shape), columns = padded_columns(shape), channels = padded_channels(shape);
    Maxima maxima(workspace, rows, columns);
    maxima.clear(rows, columns);
    for (int column = 0; column < columns; column += kColumns) {
        const auto* gallery_panel = static_cast<const Element::Number*>(gallery) + size_t(column) * channels;
        for (int row = 0; row < rows; row += kRows) {
            const auto* query_panel = static_cast<const Element::Number*>(query) + size_t(row) * channels;
            absorb_tile<with_indices>(query_panel, gallery_panel, channels, row, column / kLanes, maxima);
        }
    }
    return maxima;
}

void no_thread_state() {}

}  // namespace
}  // namespace qaconv

#include "pair_score.h"
