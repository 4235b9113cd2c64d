/// work_of() against the operations that the naive kernels carry out, counted by a number that counts.
#include "tests/catch.h"
#include "tests/cpu/operands.h"
#include "tests/rows/layers.h"

using namespace convoy;
using namespace convoy::test;

namespace {

/// A number whose operations are counted: one for each addition, multiplication, comparison, root, power.
struct Counting {
  double value = 0;
  static inline std::int64_t operations = 0;

  static Counting counted(double result) {
    ++operations;
    return {result};
  }
  Counting& operator+=(const Counting& other) { return *this = counted(value + other.value); }
  friend Counting operator+(const Counting& a, const Counting& b) { return counted(a.value + b.value); }
  friend Counting operator-(const Counting& a, const Counting& b) { return counted(a.value - b.value); }
  friend Counting operator*(const Counting& a, const Counting& b) { return counted(a.value * b.value); }
  friend Counting operator/(const Counting& a, const Counting& b) { return counted(a.value / b.value); }
  friend Counting sqrt(const Counting& a) { return counted(std::sqrt(a.value)); }
  friend Counting pow(const Counting& a, const Counting& b) { return counted(std::pow(a.value, b.value)); }
  friend bool operator>(const Counting& a, const Counting& b) {
    ++operations;
    return a.value > b.value;
  }
  friend bool isnan(const Counting&) { return false; }  // not arithmetic
};

}  // namespace

/// So that the sums of BatchNorm2d are counted.
template <>
struct convoy::cpu::naive::SumOf<Counting> {
  using type = Counting;
};

namespace {

Window without_padding(Window window) {
  window.padding_h = window.padding_w = window.extra_below = 0;
  window.ceil_mode = false;
  return window;
}

/// work_of() counts the zeros of the padding like any other value, and the naive kernels skip them: so count on an input that
/// already has them, and what the last window of ceil mode reaches over. Its output has the same shape.
Shape with_padding(Shape x, const Window& window) {
  Shape padded = {x.n, x.c, x.h + 2 * window.padding_h + window.extra_below, x.w + 2 * window.padding_w};
  if (window.ceil_mode) {
    padded.h = (window.output_h(x.h) - 1) * window.stride_h + window.kernel_h;
    padded.w = (window.output_w(x.w) - 1) * window.stride_w + window.kernel_w;
  }
  return padded;
}

/// The window of a layer that has one.
Window* window_of(Layer& layer) {
  if (auto* conv = std::get_if<Conv2d>(&layer)) return &conv->window;
  if (auto* pool = std::get_if<MaxPool2d>(&layer)) return &pool->window;
  if (auto* pool = std::get_if<AvgPool2d>(&layer)) return &pool->window;
  return nullptr;
}

/// The layers whose work is arithmetic that can be counted. ReLU, Activation and Dropout are given one FLOP an element, softmax
/// five.
template <class L>
constexpr bool kCounts = !std::is_same_v<L, ReLU> && !std::is_same_v<L, Activation> && !std::is_same_v<L, Dropout> &&
                         !std::is_same_v<L, SoftmaxCrossEntropy>;
bool counts(const Layer& layer) {
  return std::visit([](const auto& l) { return kCounts<std::decay_t<decltype(l)>>; }, layer);
}
void run_counting(Operands<Counting>& operands, Pass pass) {
  std::visit(
      [&](const auto& l) {
        if constexpr (kCounts<std::decay_t<decltype(l)>>) Naive<Counting>::run(operands, l, pass);
      },
      operands.layer);
}

std::int64_t counted(const Layer& layer, const Shape& x_shape, Pass pass) {
  Layer unpadded = layer;
  Window* window = window_of(unpadded);
  const Shape x = window == nullptr ? x_shape : with_padding(x_shape, *window);
  if (window != nullptr) *window = without_padding(*window);
  REQUIRE(output_shape(unpadded, x) == output_shape(layer, x_shape));
  Operands<Counting> operands(unpadded, x, 1);
  for (const Pass before : {Pass::forward, Pass::backward_input})
    if (before < pass) run_counting(operands, before);  // BatchNorm2d goes on with the sums of the pass before
  Counting::operations = 0;
  run_counting(operands, pass);
  return Counting::operations;
}

/// Add is given its first input, Concat all of them as one.
double flops_of(const Layer& layer, const Shape& x, Pass pass) {
  const Operands<float> o(layer, x, 1);
  const Shape& shape = std::holds_alternative<Concat>(layer) ? o.y.shape() : x;
  return work_of(layer, shape, pass, DType::f32, static_cast<int>(o.inputs().size())).flops;
}

}  // namespace

TEST_CASE("work_of gives the FLOPs that the naive kernels count") {
  int compared = 0;
  for (const rows::LayerRow& row : rows::layer_rows()) {
    if (!counts(row.layer)) continue;
    for (const Shape& shape : row.inputs) {
      for (const Pass pass : {Pass::forward, Pass::backward_input, Pass::backward_weights}) {
        INFO(row.name << " on " << to_string(shape) << ", pass " << static_cast<int>(pass));
        REQUIRE(flops_of(row.layer, shape, pass) == static_cast<double>(counted(row.layer, shape, pass)));
        ++compared;
      }
    }
  }
  REQUIRE(compared > 150);
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
