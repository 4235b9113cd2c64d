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

Problem::Problem(const Size& size, Pass pass)
    : size_(size),
      pass_(pass),
      y_shape_(output_shape(size.layer, size.x)),
      x_(filled<float>(size.x, 0.3)),
      dy_(filled<float>(y_shape_, 4.1)),
      x_blocked_(blocked::blocked_count(size.x)),
      dy_blocked_(blocked::blocked_count(y_shape_)) {
  Shape w{1, 0, 1, 1};
  Shape b{1, y_shape_.c, 1, 1};
  for (const ParameterShape& parameter : parameter_shapes(size.layer, size.x))
    (parameter.name == "bias" ? b : w) = parameter.shape;
  w_ = filled<float>(w, 1.1);
  b_ = filled<float>(b, 2.3);
  if (std::holds_alternative<BatchNorm2d>(size.layer)) {
    w_.fill(1);
    b_.fill(0);
  }
  result_shape_ = pass == Pass::forward ? y_shape_ : pass == Pass::backward_input ? size.x : w;
  result_ = Tensor<float>(result_shape_);
  if (pass != Pass::backward_weights) result_blocked_ = AlignedArray<float>(blocked::blocked_count(result_shape_));
  blocked::to_blocked(x_.view(), blocked::BlockedView<float>{x_blocked_.data(), size.x});
  blocked::to_blocked(dy_.view(), blocked::BlockedView<float>{dy_blocked_.data(), y_shape_});
}

Operands Problem::operands() {
  Operands o{.x = x_.view(),
             .w = w_.view(),
             .b = b_.view(),
             .dy = dy_.view(),
             .x_blocked = {x_blocked_.data(), size_.x},
             .dy_blocked = {dy_blocked_.data(), y_shape_}};
  (pass_ == Pass::forward ? o.y : pass_ == Pass::backward_input ? o.dx : o.dw) = result_.view();
  (pass_ == Pass::forward ? o.y_blocked : o.dx_blocked) = {result_blocked_.data(), result_shape_};
  return o;
}

double Problem::error_of(const Rung& rung) {
  if (wanted_.count() == 0) find_answer();
  // A rung that writes nothing must not be right: what is overwritten begins as NaN, what is accumulated as 0.
  result_.fill(pass_ == Pass::backward_weights ? 0 : std::numeric_limits<float>::quiet_NaN());
  std::fill_n(result_blocked_.data(), result_blocked_.count(), std::numeric_limits<float>::quiet_NaN());
  rung.run(size_.layer, operands());
  if (rung.blocked) blocked::from_blocked({result_blocked_.data(), result_shape_}, result_.view());
  double largest = 0;
  double difference = 0;
  for (std::int64_t i = 0; i < result_.count(); ++i) {
    largest = std::max(largest, std::abs(wanted_.data()[i]));
    const double here = std::abs(static_cast<double>(result_.data()[i]) - wanted_.data()[i]);
    if (!(here <= difference)) difference = here;
  }
  return difference / largest;
}

double Problem::time_s(const Rung& rung, double budget_s) {
  const Operands all = operands();
  return fastest_s(budget_s, [&] { rung.run(size_.layer, all); });
}

void Problem::find_answer() {
  wanted_ = Tensor<double>(result_shape_);
  const Tensor<double> x = filled<double>(size_.x, 0.3);
  const Tensor<double> w = filled<double>(w_.shape(), 1.1);
  const Tensor<double> b = filled<double>(b_.shape(), 2.3);
  const Tensor<double> dy = filled<double>(y_shape_, 4.1);
  const View<double> result = wanted_.view();
  if (const auto* conv = std::get_if<Conv2d>(&size_.layer)) {
    if (pass_ == Pass::forward) naive::conv2d_forward<double>(x.view(), w.view(), {}, result, conv->window);
    if (pass_ == Pass::backward_input) naive::conv2d_backward_input<double>(dy.view(), w.view(), result, conv->window);
    if (pass_ == Pass::backward_weights) naive::conv2d_backward_weights<double>(dy.view(), x.view(), result, {}, conv->window);
  } else if (const auto* pool = std::get_if<MaxPool2d>(&size_.layer)) {
    if (pass_ == Pass::forward) naive::max_pool2d_forward<double>(x.view(), result, pool->window);
    if (pass_ == Pass::backward_input) naive::max_pool2d_backward_input<double>(dy.view(), x.view(), result, pool->window);
  } else if (const auto* norm = std::get_if<BatchNorm2d>(&size_.layer)) {
    std::vector<double> sums(static_cast<std::size_t>(2 * y_shape_.c + 1));
    const Tensor<double> one({1, y_shape_.c, 1, 1}, 1.0);
    const Tensor<double> zero({1, y_shape_.c, 1, 1});
    naive::batch_norm2d_statistics<double>(x.view(), sums);
    naive::batch_norm2d_forward<double>(x.view(), one.view(), zero.view(), sums, norm->epsilon, result);
  } else {
    if (pass_ == Pass::forward) naive::linear_forward<double>(x.view(), w.view(), b.view(), result);
    if (pass_ == Pass::backward_input) naive::linear_backward_input<double>(dy.view(), w.view(), result);
    if (pass_ == Pass::backward_weights) naive::linear_backward_weights<double>(dy.view(), x.view(), result, {});
  }
}

}  // namespace convoy::cpu::ladder
