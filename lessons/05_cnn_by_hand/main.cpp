/// Lesson 5, a CNN by hand: shapes, multiply-adds, gradients, and finite differences that say whether they are right.
#include <cmath>

#include "lessons/lesson.h"
#include "plane.h"
#include "reference/model/zoo.h"

using namespace convoy;
using namespace convoy::lesson;

namespace {

// [settings]
const Plane kImage{4, 4, {1, 2, 0, 1, 3, 1, 2, 0, 0, 2, 1, 1, 1, 0, 2, 3}};
const Plane kFilter{3, 3, {1, 0, -1, 2, 0, -2, 1, 0, -1}};  // finds edges between left and right (Sobel)
constexpr int kPadding = 0;
// [/settings]

// [sizes]
/// Places at which a window of `kernel` numbers fits into `size` numbers with `padding` zeros on both sides, `stride` apart.
int places(int size, int kernel, int stride, int padding) { return (size + 2 * padding - kernel) / stride + 1; }

/// Every output number of a convolution is a sum of C*R*S products.
double multiply_adds(const Shape& x, const Shape& y, const Window& w) {
  return static_cast<double>(y.c) * y.h * y.w * x.c * w.kernel_h * w.kernel_w;
}
// [/sizes]

/// The layers of LeNet-5: shapes by formula, products of one image, and what Convoy counts for the three passes.
void layers(Values& values) {
  const Model net = make_lenet5();
  const std::vector<Shape> shapes = output_shapes(net, 1);
  std::string table = "layer     output       weights   products of an image   FLOPs forward   backward\n";
  double all = 0;
  for (std::size_t i = 0; i < net.nodes.size(); ++i) {
    const Node& node = net.nodes[i];
    const Shape x = input_shape(net, static_cast<int>(i), 1);
    Shape y = shapes[i];
    double products = 0;
    std::int64_t weights = 0;
    for (const ParameterShape& parameter : parameter_shapes(node.layer, x)) weights += parameter.shape.count();
    if (const auto* conv = std::get_if<Conv2d>(&node.layer)) {
      const Window& w = conv->window;
      y = {1, conv->out_channels, places(x.h, w.kernel_h, w.stride_h, w.padding_h),
           places(x.w, w.kernel_w, w.stride_w, w.padding_w)};
      products = multiply_adds(x, y, w);
    } else if (const auto* linear = std::get_if<Linear>(&node.layer)) {
      products = static_cast<double>(x.sample_count()) * linear->out_features;
    } else {
      continue;
    }
    if (y != shapes[i]) throw std::logic_error("the formula and the model disagree about " + node.name);
    const auto flops = [&](Pass pass) { return work_of(net, static_cast<int>(i), 1, pass, DType::f32).flops; };
    const double backward = flops(Pass::backward_input) + flops(Pass::backward_weights);
    table += fmt::format("{:<9} {:<12} {:>7} {:>22.0f} {:>15.0f} {:>10.0f}\n", node.name, cat(y.c, " x ", y.h, " x ", y.w),
                         weights, products, flops(Pass::forward), backward);
    all += products;
  }
  values.block("layers", table);
  values.value("products", with_commas(static_cast<std::int64_t>(all)));
}

Window window() { return square_window(3, 1, kPadding); }

// [backward]
/// y[p,q] uses x[p+r-padding, q+s-padding] with the weight w[r,s]. So each number of dy goes back to the numbers of x that it
/// came from, times the weights, and to the weights, times the numbers of x.
void backward(const Plane& x, const Plane& w, const Plane& dy, Plane& dx, Plane& dw) {
  for (int p = 0; p < dy.rows; ++p)
    for (int q = 0; q < dy.columns; ++q)
      for (int r = 0; r < w.rows; ++r)
        for (int s = 0; s < w.columns; ++s)
          if (x.has(p + r - kPadding, q + s - kPadding)) {
            dx.at(p + r - kPadding, q + s - kPadding) += w.at(r, s) * dy.at(p, q);
            dw.at(r, s) += x.at(p + r - kPadding, q + s - kPadding) * dy.at(p, q);
          }
}
// [/backward]

void by_hand(Values& values) {
  const Plane y = convolve(kImage, kFilter, window());
  values.block("forward", cat("x\n", text_of(kImage), "\nw\n", text_of(kFilter), "\ny\n", text_of(y)));
  Plane dy = zeros(y.rows, y.columns);
  for (std::size_t i = 0; i < dy.values.size(); ++i) dy.values[i] = static_cast<double>(i) - 1;
  Plane dx = zeros(kImage.rows, kImage.columns);
  Plane dw = zeros(kFilter.rows, kFilter.columns);
  backward(kImage, kFilter, dy, dx, dw);
  values.block("backward", cat("dy\n", text_of(dy), "\ndx\n", text_of(dx), "\ndw\n", text_of(dw)));
  values.value("y00", cat(y.at(0, 0)));
}

// [differences]
/// A loss that is no polynomial: the mean of tanh of all outputs.
template <class T>
T loss(const std::vector<T>& x, T change, std::size_t place) {
  T sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) sum += std::tanh(x[i] + (i == place ? change : T{0}));
  return sum / static_cast<T>(x.size());
}

/// The slope between two points, `step` to the left and to the right (a central difference).
template <class T>
double slope(const std::vector<T>& x, T step) {
  return static_cast<double>((loss(x, step, 2) - loss(x, -step, 2)) / (2 * step));
}
// [/differences]

void differences(Values& values) {
  const std::vector<double> x = {0.4, -1.1, 0.7, 0.2};
  const std::vector<float> narrow(x.begin(), x.end());
  const double exact = (1 - std::tanh(x[2]) * std::tanh(x[2])) / 4;
  std::string table = "step     error in double   error in float\n";
  for (int digits = 1; digits <= 11; ++digits) {
    const double step = std::pow(10.0, -digits);
    const double wide_error = std::abs(slope<double>(x, step) / exact - 1);
    const double narrow_error = std::abs(slope<float>(narrow, static_cast<float>(step)) / exact - 1);
    table += fmt::format("1e-{:<3} {:>16.0e} {:>16.0e}\n", digits, wide_error, narrow_error);
  }
  values.block("differences", table);
  const auto relu = [](double v) { return std::max(v, 0.0); };
  values.value("kink", fmt::format("{:g}", (relu(1e-5) - relu(-1e-5)) / 2e-5));
}

void lesson_5(Values& values) {
  layers(values);
  by_hand(values);
  differences(values);
}

}  // namespace

int main(int argc, char** argv) { return lesson::run(argc, argv, lesson_5); }
