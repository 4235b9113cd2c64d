/// Plane: one channel of one image, small enough for paper, and the convolution of two of them as the plain kernels compute it.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "reference/core/tensor.h"
#include "reference/cpu/naive/kernels.h"

namespace convoy::lesson {

/// Numbers in rows and columns.
struct Plane {
  int rows = 0;
  int columns = 0;
  std::vector<double> values;  ///< rows * columns, row by row

  [[nodiscard]] bool has(int row, int column) const { return row >= 0 && row < rows && column >= 0 && column < columns; }
  double& at(int row, int column) { return values.at(static_cast<std::size_t>(row * columns + column)); }
  [[nodiscard]] double at(int row, int column) const { return values.at(static_cast<std::size_t>(row * columns + column)); }
  [[nodiscard]] Shape shape() const { return {1, 1, rows, columns}; }
  [[nodiscard]] View<const double> view() const { return {values.data(), shape()}; }
  [[nodiscard]] View<double> view() { return {values.data(), shape()}; }
};

/// A plane of zeros.
inline Plane zeros(int rows, int columns) {
  return {rows, columns, std::vector<double>(static_cast<std::size_t>(rows * columns))};
}

/// Its numbers in columns of four characters, as lines of text.
inline std::string text_of(const Plane& plane) {
  std::string text;
  for (int row = 0; row < plane.rows; ++row, text += '\n')
    for (int column = 0; column < plane.columns; ++column) text += fmt::format("{:>4g}", plane.at(row, column));
  return text;
}

/// y = x (*) w, with the plain kernel of reference/cpu/naive.
inline Plane convolve(const Plane& x, const Plane& w, const Window& window) {
  Plane y = zeros(window.output_h(x.rows), window.output_w(x.columns));
  cpu::naive::conv2d_forward<double>(x.view(), w.view(), {}, y.view(), window);
  return y;
}

}  // namespace convoy::lesson
