/// Linear: three products, on the kernel of GEMM with tiles in registers. Rows of x and y are samples.
#pragma once

#include "reference/cuda/ladder/gemm/4_register_tile.cuh"
#include "reference/cuda/layers/common.cuh"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

/// Element (row, k) of a matrix that lies as [k][row]: kAlongDepth false; or as [row][k].
template <bool kRowsOfDepth>
struct Operand {
  static constexpr bool kAlongDepth = kRowsOfDepth;
  const float* data;
  int stride;  ///< floats from one row of memory to the next
  __device__ float operator()(int, int row, int k) const { return kRowsOfDepth ? data[row * stride + k] : data[k * stride + row]; }
};
struct LinearOutput {
  const float* bias;  ///< by column, or null
  float* y;
  int columns;
  __device__ void operator()(int, int, int row, int column, float sum) const {
    if (bias != nullptr) sum += bias[column];
    y[row * columns + column] = sum;
  }
};
struct AddToMatrix {
  float* data;
  int columns;
  __device__ void operator()(int, int, int row, int column, float sum) const { data[row * columns + column] += sum; }
};

struct LinearSize {
  int samples, in, out;
};
inline LinearSize linear_size(const Shape& x, const Shape& w, const char* op) {
  count_of_elements(x.count(), op);
  return {x.n, count_of_elements(x.sample_count(), op), w.n};
}

void linear_forward(View<const float> x, View<const float> w, View<const float> b, View<float> y) {
  cpu::check_linear("cuda::linear_forward", x.shape, w.shape, y.shape);
  cpu::check_bias("cuda::linear_forward", "b", b, w.shape.n);
  const LinearSize s = linear_size(x.shape, w.shape, "linear_forward");
  product_register_tile("linear_forward", whole_product(s.samples, s.out, s.in), Operand<true>{x.data, s.in}, Operand<true>{w.data, s.in},
                        LinearOutput{b.data, y.data, s.out});
}

void linear_backward_input(View<const float> dy, View<const float> w, View<float> dx) {
  cpu::check_linear("cuda::linear_backward_input", dx.shape, w.shape, dy.shape);
  const LinearSize s = linear_size(dx.shape, w.shape, "linear_backward_input");
  product_register_tile("linear_backward_input", whole_product(s.samples, s.in, s.out), Operand<true>{dy.data, s.out},
                        Operand<false>{w.data, s.in}, LinearOutput{nullptr, dx.data, s.in});
}

void linear_backward_weights(View<const float> dy, View<const float> x, View<float> dw, View<float> db) {
  cpu::check_linear("cuda::linear_backward_weights", x.shape, dw.shape, dy.shape);
  cpu::check_bias("cuda::linear_backward_weights", "db", db, dw.shape.n);
  const LinearSize s = linear_size(x.shape, dw.shape, "linear_backward_weights");
  product_register_tile("linear_backward_weights", whole_product(s.out, s.in, s.samples), Operand<false>{dy.data, s.out},
                        Operand<false>{x.data, s.in}, AddToMatrix{dw.data, s.in});
  if (db.data != nullptr) bias_backward(dy, db);
}

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
