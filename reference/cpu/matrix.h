/// Row-major matrices over memory owned by somebody else.
#pragma once

#include <Eigen/Core>
#include <cstdint>

namespace convoy::cpu {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using MatrixMap = Eigen::Map<Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;
using ConstMatrixMap = Eigen::Map<const Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;
using RowMap = Eigen::Map<Eigen::Array<float, 1, Eigen::Dynamic>>;
using ConstRowMap = Eigen::Map<const Eigen::Array<float, 1, Eigen::Dynamic>>;

/// Rows and columns of a matrix.
struct Extent {
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};

/// The matrix whose row i starts at data + i * stride.
inline MatrixMap as_matrix(float* data, Extent extent, std::int64_t stride) {
  return {data, extent.rows, extent.columns, Eigen::OuterStride<>(stride)};
}
inline ConstMatrixMap as_matrix(const float* data, Extent extent, std::int64_t stride) {
  return {data, extent.rows, extent.columns, Eigen::OuterStride<>(stride)};
}

}  // namespace convoy::cpu
