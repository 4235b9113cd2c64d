/// work_of() against the operations that the naive kernels carry out, counted by a number that counts.
#include "tests/catch.h"
#include "tests/cpu/operands.h"
#include "tests/rows/layers.h"

using namespace convoy;
using namespace convoy::test;

namespace {

/// A number whose additions, multiplications and comparisons are counted.
struct Counting {
  double value = 0;
  static inline std::int64_t operations = 0;

  Counting& operator+=(const Counting& other) {
    ++operations;
    value += other.value;
    return *this;
  }
  friend Counting operator*(const Counting& a, const Counting& b) {
    ++operations;
    return {a.value * b.value};
  }
  friend bool operator>(const Counting& a, const Counting& b) {
    ++operations;
    return a.value > b.value;
  }
  friend bool isnan(const Counting&) { return false; }  // not arithmetic
};

Window without_padding(Window window) {
  window.padding_h = window.padding_w = 0;
  return window;
}

/// work_of() counts the zeros of the padding like any other value, and the naive kernels skip them: so count on an input that
/// already has them. Its output has the same shape.
Shape with_padding(Shape x, const Window& window) { return {x.n, x.c, x.h + 2 * window.padding_h, x.w + 2 * window.padding_w}; }

std::int64_t counted(const Layer& layer, const Shape& x_shape, Pass pass) {
  const Window* window = nullptr;
  Layer unpadded = layer;
  if (auto* conv = std::get_if<Conv2d>(&unpadded)) window = &conv->window;
  if (auto* pool = std::get_if<MaxPool2d>(&unpadded)) window = &pool->window;
  const Shape x = window == nullptr ? x_shape : with_padding(x_shape, *window);
  if (auto* conv = std::get_if<Conv2d>(&unpadded)) conv->window = without_padding(conv->window);
  if (auto* pool = std::get_if<MaxPool2d>(&unpadded)) pool->window = without_padding(pool->window);
  REQUIRE(output_shape(unpadded, x) == output_shape(layer, x_shape));
  Operands<Counting> operands(unpadded, x, 1);
  Counting::operations = 0;
  if (const auto* conv = std::get_if<Conv2d>(&unpadded)) Naive<Counting>::run(operands, *conv, pass);
  if (const auto* pool = std::get_if<MaxPool2d>(&unpadded)) Naive<Counting>::run(operands, *pool, pass);
  if (const auto* linear = std::get_if<Linear>(&unpadded)) Naive<Counting>::run(operands, *linear, pass);
  return Counting::operations;
}

}  // namespace

TEST_CASE("work_of gives the FLOPs that the naive kernels count") {
  int compared = 0;
  for (const rows::LayerRow& row : rows::layer_rows()) {
    const bool counts = std::holds_alternative<Conv2d>(row.layer) || std::holds_alternative<MaxPool2d>(row.layer) ||
                        std::holds_alternative<Linear>(row.layer);
    if (!counts) continue;
    for (const Shape& shape : row.inputs) {
      for (const Pass pass : {Pass::forward, Pass::backward_input, Pass::backward_weights}) {
        INFO(row.name << " on " << to_string(shape) << ", pass " << static_cast<int>(pass));
        REQUIRE(work_of(row.layer, shape, pass, DType::f32).flops == static_cast<double>(counted(row.layer, shape, pass)));
        ++compared;
      }
    }
  }
  REQUIRE(compared > 80);
}

TEST_CASE("work_of counts every operand once, in bytes of its type") {
  const Layer conv = Conv2d{5, square_window(3, 1, 1)};
  const Shape x{2, 4, 9, 7};
  const double nx = 2 * 4 * 9 * 7, ny = 2 * 5 * 9 * 7, nw = 5 * 4 * 3 * 3, nb = 5;
  REQUIRE(work_of(conv, x, Pass::forward, DType::f32).bytes_read == 4 * (nx + nw + nb));
  REQUIRE(work_of(conv, x, Pass::forward, DType::f64).bytes_written == 8 * ny);
  REQUIRE(work_of(conv, x, Pass::backward_input, DType::f32).bytes_read == 4 * (ny + nw));
  REQUIRE(work_of(conv, x, Pass::backward_input, DType::f32).bytes_written == 4 * nx);
  REQUIRE(work_of(conv, x, Pass::backward_weights, DType::f32).bytes_read == 4 * (nx + ny + nw + nb));
  REQUIRE(work_of(conv, x, Pass::backward_weights, DType::f32).bytes_written == 4 * (nw + nb));
  REQUIRE(work_of(ReLU{}, x, Pass::forward, DType::f32) == Work{nx, 4 * nx, 4 * nx});
  REQUIRE(work_of(ReLU{}, x, Pass::backward_weights, DType::f32) == Work{});
  REQUIRE(work_of(Flatten{}, x, Pass::forward, DType::f32) == Work{});
}
