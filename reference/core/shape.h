/// Shape: the size of a tensor, always four extents in the order N, C, H, W.
#pragma once

#include <cstdint>
#include <string>

namespace convoy {

/// Extents of a row-major NCHW tensor; w runs fastest. Filters are stored as [K,C,R,S] in the same four fields,
/// vectors as [1,C,1,1].
struct Shape {
  int n = 1;
  int c = 1;
  int h = 1;
  int w = 1;

  /// Number of elements, n*c*h*w.
  [[nodiscard]] std::int64_t count() const { return std::int64_t{n} * c * h * w; }
  /// Number of elements of one sample, c*h*w.
  [[nodiscard]] std::int64_t sample_count() const { return std::int64_t{c} * h * w; }
  /// The same shape with another number of samples.
  [[nodiscard]] Shape with_batch(int samples) const { return {samples, c, h, w}; }

  friend bool operator==(const Shape&, const Shape&) = default;
};

/// "64x3x224x224".
std::string to_string(const Shape& shape);

}  // namespace convoy
