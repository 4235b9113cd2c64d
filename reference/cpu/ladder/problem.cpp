#include "reference/cpu/ladder/problem.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/ladder/measure.h"
#include "reference/cpu/naive/kernels.h"

namespace convoy::cpu::ladder {
namespace {

/// A tensor whose values differ at every index.
template <class T>
Tensor<T> filled(const Shape& shape, double start) {
  Tensor<T> tensor(shape);
  for (std::int64_t i = 0; i < tensor.count(); ++i)
    tensor.data()[i] = static_cast<T>(static_cast<float>(std::sin(start + 0.7 * static_cast<double>(i % 99991))));
  return tensor;
}

}  // namespace

Problem::Problem(const Size& size)
    : size_(size),
      shape_(output_shape(size.layer, size.x)),
      x_(filled<float>(size.x, 0.3)),
      y_(shape_),
      x_blocked_(blocked::blocked_count(size.x)),
      y_blocked_(blocked::blocked_count(shape_)) {
  Shape w{1, 0, 1, 1};
  Shape b{1, shape_.c, 1, 1};
  for (const ParameterShape& parameter : parameter_shapes(size.layer, size.x))
    (parameter.name == "bias" ? b : w) = parameter.shape;
  w_ = filled<float>(w, 1.1);
  b_ = filled<float>(b, 2.3);
  if (std::holds_alternative<BatchNorm2d>(size.layer)) {
    w_.fill(1);
    b_.fill(0);
  }
  const blocked::BlockedView<float> target{x_blocked_.data(), size.x};
  blocked::to_blocked(x_.view(), target);
}

Operands Problem::operands() {
  return {x_.view(), w_.view(), b_.view(), y_.view(), {x_blocked_.data(), size_.x}, {y_blocked_.data(), shape_}};
}

double Problem::error_of(const Rung& rung) {
  if (wanted_.count() == 0) find_answer();
  y_.fill(std::numeric_limits<float>::quiet_NaN());
  std::fill_n(y_blocked_.data(), y_blocked_.count(), std::numeric_limits<float>::quiet_NaN());
  rung.run(size_.layer, operands());
  if (rung.blocked) blocked::from_blocked({y_blocked_.data(), shape_}, y_.view());
  double largest = 0;
  double difference = 0;
  for (std::int64_t i = 0; i < y_.count(); ++i) {
    largest = std::max(largest, std::abs(wanted_.data()[i]));
    const double here = std::abs(static_cast<double>(y_.data()[i]) - wanted_.data()[i]);
    if (!(here <= difference)) difference = here;
  }
  return difference / largest;
}

double Problem::time_s(const Rung& rung, double budget_s) {
  const Operands all = operands();
  return fastest_s(budget_s, [&] { rung.run(size_.layer, all); });
}

void Problem::find_answer() {
  wanted_ = Tensor<double>(shape_);
  const Tensor<double> x = filled<double>(size_.x, 0.3);
  const Tensor<double> w = filled<double>(w_.shape(), 1.1);
  const Tensor<double> b = filled<double>(b_.shape(), 2.3);
  if (const auto* conv = std::get_if<Conv2d>(&size_.layer)) {
    naive::conv2d_forward<double>(x.view(), w.view(), {}, wanted_.view(), conv->window);
  } else if (const auto* norm = std::get_if<BatchNorm2d>(&size_.layer)) {
    std::vector<double> sums(static_cast<std::size_t>(2 * shape_.c + 1));
    const Tensor<double> one({1, shape_.c, 1, 1}, 1.0);
    const Tensor<double> zero({1, shape_.c, 1, 1});
    naive::batch_norm2d_statistics<double>(x.view(), sums);
    naive::batch_norm2d_forward<double>(x.view(), one.view(), zero.view(), sums, norm->epsilon, wanted_.view());
  } else {
    naive::linear_forward<double>(x.view(), w.view(), b.view(), wanted_.view());
  }
}

}  // namespace convoy::cpu::ladder
