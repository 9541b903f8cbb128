// Both maxima of a pair's responses, taken tile by tile, and their weighted sum.
#pragma once

#include "kernel.h"
#include "vectors.h"

namespace qaconv {
namespace {

constexpr float kLowest = -3.0e38f;

// Rows are query locations, columns gallery locations, both rounded up to whole tiles. A row keeps a maximum for each
// lane, and these are combined once a pair and not once a tile. Places are kept as floats, which are exact to 2^24.
class Maxima {
  public:
    static size_t bytes(int rows, int columns) {
        return sizeof(Vector) * 2 * (rounded_up(rows, kLanes) + columns / kLanes);
    }

    Maxima(void* workspace, int rows, int columns, Places places)
        : row_count_(rounded_up(rows, kLanes)), row_best_(static_cast<Vector*>(workspace)),
          column_best_(row_best_ + row_count_), row_place_(column_best_ + columns / kLanes),
          column_place_(row_place_ + row_count_), places_(places) {
        for (Vector* best = row_best_; best < row_place_; ++best) *best = repeated(kLowest);
        if (!wants_places()) return;
        for (Vector* place = row_place_; place < column_place_ + columns / kLanes; ++place) *place = Vector{};
    }

    bool wants_places() const { return places_.of_query != nullptr; }

    // Takes in the responses of some rows to two neighbouring blocks of kLanes columns. Only what is larger replaces a
    // maximum: rows and columns come in rising order, so of equal responses the first stays.
    template <bool with_places, int row_count, class Response>
    inline __attribute__((always_inline)) void absorb(int first_row, int column_block, Response response) {
        Vector* const row_best = row_best_ + first_row;
        Vector* const row_place = row_place_ + first_row;
        Vector* const column_best = column_best_ + column_block;
        Vector* const column_place = column_place_ + column_block;
        const Vector left_column = lane_numbers() + repeated(column_block * kLanes);
        const Vector right_column = left_column + repeated(kLanes);
        Vector left_best = column_best[0], right_best = column_best[1];
        Vector left_place = with_places ? column_place[0] : Vector{};
        Vector right_place = with_places ? column_place[1] : Vector{};
#pragma GCC unroll 16
        for (int row = 0; row < row_count; ++row) {
            const Vector left = response(row, 0), right = response(row, 1);
            const Vector both = larger(right, left);
            if constexpr (with_places) {
                const Vector number = repeated(first_row + row);
                left_place = left > left_best ? number : left_place;
                right_place = right > right_best ? number : right_place;
                const Vector column = right > left ? right_column : left_column;
                row_place[row] = both > row_best[row] ? column : row_place[row];
            }
            row_best[row] = larger(both, row_best[row]);
            left_best = larger(left, left_best);
            right_best = larger(right, right_best);
        }
        column_best[0] = left_best, column_best[1] = right_best;
        if constexpr (with_places) column_place[0] = left_place, column_place[1] = right_place;
    }

    // Once all are taken in: writes the places if they are asked for, and returns the sum.
    double finish(MapShape shape, Weights weights) {
        for (int block = 0; block < row_count_ / kLanes; ++block) combine_rows(block);
        if (wants_places()) {
            write(row_place_, shape.locations, places_.of_query);
            write(column_place_, shape.locations, places_.of_gallery);
        }
        if (places_.query_maxima != nullptr) {
            std::memcpy(places_.query_maxima, row_best_, sizeof(float) * shape.locations);
            std::memcpy(places_.gallery_maxima, column_best_, sizeof(float) * shape.locations);
        }
        return weighted_sum(weights.query, row_best_, shape.locations) +
               weighted_sum(weights.gallery, column_best_, shape.locations);
    }

  private:
    static Vector lane_numbers() {
        Vector numbers;
        for (int lane = 0; lane < kLanes; ++lane) numbers[lane] = lane;
        return numbers;
    }

    // The maxima of kLanes rows, and their places, move into one vector: that of the block's number, whose own rows
    // have been combined before.
    void combine_rows(int block) {
        Vector rows[kLanes];
        for (int row = 0; row < kLanes; ++row) rows[row] = row_best_[block * kLanes + row];
        const Vector best = combined_lanes(rows, larger);
        if (wants_places()) {
            for (int row = 0; row < kLanes; ++row) {
                const Vector is_best = row_best_[block * kLanes + row];
                rows[row] = is_best == repeated(best[row]) ? row_place_[block * kLanes + row] : repeated(-kLowest);
            }
            row_place_[block] = combined_lanes(rows, smaller);
        }
        row_best_[block] = best;
    }

    static void write(const Vector* places, int count, int32_t* target) {
        const float* numbers = reinterpret_cast<const float*>(places);
        for (int location = 0; location < count; ++location) target[location] = static_cast<int32_t>(numbers[location]);
    }

    // In double: the maxima differ in their third digit, and a sum of hundreds in single precision has six.
    static double weighted_sum(const double* weights, const Vector* maxima, int count) {
        constexpr int kSums = 8;  // that the compiler keeps in vectors
        const float* numbers = reinterpret_cast<const float*>(maxima);
        double sums[kSums] = {};
        int location = 0;
        for (; location + kSums <= count; location += kSums)
            for (int lane = 0; lane < kSums; ++lane) sums[lane] += weights[location + lane] * numbers[location + lane];
        for (; location < count; ++location) sums[0] += weights[location] * numbers[location];
        double sum = 0.0;
        for (double part : sums) sum += part;
        return sum;
    }

    int row_count_;
    Vector *row_best_, *column_best_, *row_place_, *column_place_;
    Places places_;
};

}  // namespace
}  // namespace qaconv
