#include "reference/cpu/blocked/weights_tile.h"

#include <algorithm>
#include <array>
#include <utility>

#include "reference/cpu/blocked/vector.h"
#include "reference/cpu/blocked/view.h"

// Note [tiles of weights]: sixteen channels by sixteen filters of one element of the window stay in registers while all pixels of
// a block of rows are added to them: one load of dy and sixteen multiplications with values of x, broadcast from memory. The
// block of rows is so small that its dy and x stay in the first cache for all elements of the window. Padding is no work: the
// loops over pixels leave out what an element of the window would read outside x.

namespace convoy::cpu::blocked {
namespace {

/// total[lane][16] += sum over pixels of dy x[lane].
template <std::size_t L>
void add_products(const Pixels& pixels, float* total) {
  Vec sum[L];
#pragma GCC unroll 16
  for (std::size_t lane = 0; lane < L; ++lane) sum[lane] = as_vec(total + lane * 16);
  for (int row = 0; row < pixels.rows; ++row) {
    const float* dy = pixels.dy + row * pixels.dy_row;
    const float* x = pixels.x + row * pixels.x_row;
    for (int q = 0; q < pixels.columns; ++q, dy += kBlock, x += pixels.x_step) {
      const Vec gradient = as_vec(dy);
#pragma GCC unroll 16
      for (std::size_t lane = 0; lane < L; ++lane) sum[lane] += gradient * x[lane];
    }
  }
#pragma GCC unroll 16
  for (std::size_t lane = 0; lane < L; ++lane) as_vec(total + lane * 16) = sum[lane];
}

template <std::size_t... L>
constexpr std::array<AddProducts, sizeof...(L)> products_of(std::index_sequence<L...>) {
  return {add_products<L + 1>...};
}
constexpr auto kAddProducts = products_of(std::make_index_sequence<kBlock>());

/// total[m][s][16] += sum over pixels of dy x[starts[m] + s]: S neighbouring columns of M rows of a plain, padded image.
template <std::size_t S, std::size_t M>
void add_window(const Pixels& pixels, const std::int64_t* starts, float* total) {
  Vec sum[M][S];
  const float* start[M];
#pragma GCC unroll 28
  for (std::size_t m = 0; m < M; ++m) {
    start[m] = pixels.x + starts[m];
#pragma GCC unroll 28
    for (std::size_t s = 0; s < S; ++s) sum[m][s] = as_vec(total + (m * S + s) * 16);
  }
  for (int row = 0; row < pixels.rows; ++row) {
    const float* dy = pixels.dy + row * pixels.dy_row;
    std::int64_t at = row * pixels.x_row;
    for (int q = 0; q < pixels.columns; ++q, dy += kBlock, at += pixels.x_step) {
      const Vec gradient = as_vec(dy);
#pragma GCC unroll 28
      for (std::size_t m = 0; m < M; ++m) {
#pragma GCC unroll 28
        for (std::size_t s = 0; s < S; ++s) sum[m][s] += gradient * (start[m] + at)[s];
      }
    }
  }
#pragma GCC unroll 28
  for (std::size_t m = 0; m < M; ++m) {
#pragma GCC unroll 28
    for (std::size_t s = 0; s < S; ++s) as_vec(total + (m * S + s) * 16) = sum[m][s];
  }
}

template <std::size_t S>
constexpr std::size_t kRowsOf = std::min<std::size_t>(kSums / S, 9);
template <std::size_t S, std::size_t... M>
AddWindow window_of(std::size_t rows, std::index_sequence<M...>) {
  static constexpr std::array<AddWindow, sizeof...(M)> table = {add_window<S, M + 1>...};
  return table[rows - 1];
}
template <std::size_t S>
AddWindow window_of(std::size_t rows) {
  return window_of<S>(rows, std::make_index_sequence<kRowsOf<S>>());
}

}  // namespace

AddProducts add_products_function(int lanes) { return kAddProducts[static_cast<std::size_t>(lanes - 1)]; }

AddWindow window_function(int columns, std::size_t rows) {
  switch (columns) {
    case 1: return window_of<1>(rows);
    case 3: return window_of<3>(rows);
    case 4: return window_of<4>(rows);
    case 5: return window_of<5>(rows);
    case 6: return window_of<6>(rows);
    case 7: return window_of<7>(rows);
    default: return window_of<11>(rows);
  }
}
std::size_t rows_of_window(int columns) {
  switch (columns) {
    case 1: return kRowsOf<1>;
    case 3: return kRowsOf<3>;
    case 4: return kRowsOf<4>;
    case 5: return kRowsOf<5>;
    case 6: return kRowsOf<6>;
    case 7: return kRowsOf<7>;
    default: return kRowsOf<11>;
  }
}
}  // namespace convoy::cpu::blocked
