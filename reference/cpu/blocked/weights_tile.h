/// The innermost loops of weight gradients: channels of one block by filters of one block, or elements of a window on plain images,
/// in registers over many pixels.
#pragma once

#include <cstddef>
#include <cstdint>

namespace convoy::cpu::blocked {

/// Consecutive pixels of several rows in dy and in x.
struct Pixels {
  const float* dy = nullptr;
  const float* x = nullptr;
  int rows = 0, columns = 0;
  std::int64_t dy_row = 0, x_row = 0, x_step = 0;  ///< floats
};

/// total[lane][16] += sum over pixels of dy[16] x[lane], for `lanes` channels, 1 to 16.
using AddProducts = void (*)(const Pixels&, float* total);
AddProducts add_products_function(int lanes);

/// Sums that are in registers at the same time, of 32.
inline constexpr std::size_t kSums = 30;
/// total[m][s][16] += sum over pixels of dy[16] x[starts[m] + s], for neighbouring columns s of some rows m of a plain, padded image.
using AddWindow = void (*)(const Pixels&, const std::int64_t* starts, float* total);
/// For windows of 1, 3, 5, 7 or 11 columns, and of 4 or 6 where vectors of dy hold two pixels; 1 to rows_of_window(columns) rows.
AddWindow window_function(int columns, std::size_t rows);
std::size_t rows_of_window(int columns);

}  // namespace convoy::cpu::blocked
