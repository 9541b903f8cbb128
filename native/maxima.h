// Both maxima of a tile of responses, and the weighted sum of a pair's maxima. Included by each kernel file, which
// defines QACONV_LANES first: everything is in an anonymous namespace, because each file is compiled for another
// processor, and a linker that merged two files' functions could pick the one that this processor cannot run.
#pragma once

#include "kernel.h"

namespace qaconv {
namespace {

constexpr int kLanes = QACONV_LANES;
typedef float Vector __attribute__((vector_size(4 * kLanes), may_alias));
typedef int32_t Indices __attribute__((vector_size(4 * kLanes), may_alias));

constexpr int rounded_up(int number, int multiple) { return (number + multiple - 1) / multiple * multiple; }

inline Vector larger(Vector a, Vector b) { return a > b ? a : b; }

inline Indices lane_numbers() {
    Indices numbers;
    for (int lane = 0; lane < kLanes; ++lane) numbers[lane] = lane;
    return numbers;
}

// The running maxima of one pair. Rows are query locations, columns gallery locations, both rounded up to whole tiles.
// A row keeps a partial maximum for each lane, which are reduced once a pair and not once a tile.
struct Maxima {
    Vector* column_best;   // (columns / kLanes)
    Vector* row_best;      // (rows)
    Indices* column_row;   // (columns / kLanes): the row of each column's maximum
    Indices* row_column;   // (rows): the column of each lane's maximum

    static size_t bytes(int rows, int columns) { return sizeof(Vector) * 2 * (rows + columns / kLanes); }

    Maxima(Workspace workspace, int rows, int columns) {
        column_best = static_cast<Vector*>(workspace);
        row_best = column_best + columns / kLanes;
        column_row = reinterpret_cast<Indices*>(row_best + rows);
        row_column = column_row + columns / kLanes;
    }

    void clear(int rows, int columns) {
        const Vector lowest = Vector{} - 3.0e38f;
        for (int block = 0; block < columns / kLanes; ++block) column_best[block] = lowest;
        for (int row = 0; row < rows; ++row) row_best[row] = lowest;
        for (int block = 0; block < columns / kLanes; ++block) column_row[block] = Indices{};
        for (int row = 0; row < rows; ++row) row_column[row] = Indices{};
    }

    // Takes in the responses of row_count rows to two blocks of kLanes columns; with_indices notes where maxima are.
    // Strictly larger only: of equal responses the first stays, rows and columns coming in rising order.
    template <bool with_indices, class Response>
    inline __attribute__((always_inline)) void absorb(int first_row, int row_count, int column_block,
                                                      Response response) {
        Vector left_best = column_best[column_block], right_best = column_best[column_block + 1];
        Indices left_row, right_row, left_column, right_column;
        if constexpr (with_indices) {
            left_row = column_row[column_block], right_row = column_row[column_block + 1];
            left_column = lane_numbers() + column_block * kLanes, right_column = left_column + kLanes;
        }
#pragma GCC unroll 16
        for (int row = 0; row < row_count; ++row) {
            const Vector left = response(row, 0), right = response(row, 1);
            Vector best = row_best[first_row + row];
            if constexpr (with_indices) {
                const Indices number = Indices{} + (first_row + row);
                left_row = left > left_best ? number : left_row;
                right_row = right > right_best ? number : right_row;
                Indices column = row_column[first_row + row];
                column = left > best ? left_column : column;
                best = larger(left, best);
                column = right > best ? right_column : column;
                row_column[first_row + row] = column;
                row_best[first_row + row] = larger(right, best);
            } else {
                row_best[first_row + row] = larger(best, larger(left, right));
            }
            left_best = larger(left, left_best);
            right_best = larger(right, right_best);
        }
        column_best[column_block] = left_best, column_best[column_block + 1] = right_best;
        if constexpr (with_indices) column_row[column_block] = left_row, column_row[column_block + 1] = right_row;
    }

    static float largest_of(Vector values) {
        float largest = values[0];
        for (int lane = 1; lane < kLanes; ++lane) largest = values[lane] > largest ? values[lane] : largest;
        return largest;
    }

    // Centred, and in double: the maxima differ in their third digit, and a sum of hundreds would lose the seventh.
    double weighted_sum(MapShape shape, const float* query_weights, const float* gallery_weights, float center) const {
        const float* columns = reinterpret_cast<const float*>(column_best);
        double sum = 0.0;
        for (int location = 0; location < shape.locations; ++location) {
            sum += double(gallery_weights[location]) * (double(columns[location]) - center);
            sum += double(query_weights[location]) * (double(largest_of(row_best[location])) - center);
        }
        return sum;
    }

    void indices(MapShape shape, int32_t* best_of_query, int32_t* best_of_gallery) const {
        const int32_t* rows = reinterpret_cast<const int32_t*>(column_row);
        for (int location = 0; location < shape.locations; ++location) {
            best_of_gallery[location] = rows[location];
            const Vector best = row_best[location];
            const float largest = largest_of(best);
            int32_t first = INT32_MAX;
            for (int lane = 0; lane < kLanes; ++lane) {
                const int32_t column = row_column[location][lane];
                if (best[lane] == largest && column < first) first = column;
            }
            best_of_query[location] = first;
        }
    }
};

}  // namespace
}  // namespace qaconv
