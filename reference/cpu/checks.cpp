#include "reference/cpu/checks.h"

#include "reference/core/error.h"

namespace convoy::cpu {

void check_shape(std::string_view where, std::string_view name, const Shape& got, const Shape& expected) {
  if (got == expected) return;  // the texts below are made only when needed
  require(false, where, name, " is ", to_string(got), ", expected ", to_string(expected));
}

void check_conv2d(std::string_view where, const Shape& x, const Shape& w, const Shape& y, const Window& window) {
  if (w.c != x.c)
    require(false, where, "x has ", x.c, " channels, w expects ", w.c, " (x is ", to_string(x), ", w is ", to_string(w), ")");
  check_shape(where, "w", w, {w.n, x.c, window.kernel_h, window.kernel_w});
  check_shape(where, "the output", y, output_shape(Conv2d{w.n, window, false}, x));
}

void check_linear(std::string_view where, const Shape& x, const Shape& w, const Shape& y) {
  if (w.sample_count() != x.sample_count() || w.h != 1 || w.w != 1)
    require(false, where, "x is ", to_string(x), ", ", x.sample_count(), " values a sample, but w is ", to_string(w));
  check_shape(where, "the output", y, output_shape(Linear{w.n, false}, x));
}

void check_max_pool2d(std::string_view where, const Shape& x, const Shape& y, const Window& window) {
  check_shape(where, "the output", y, output_shape(MaxPool2d{window}, x));
}

void check_dropout(std::string_view where, double probability) {
  require(probability >= 0 && probability < 1, where, "probability must be in [0, 1), got ", probability);
}

void check_labels(std::string_view where, const Shape& x, std::span<const int> labels) {
  if (x.h != 1 || x.w != 1) require(false, where, "expects logits [N,C,1,1], got ", to_string(x));
  require(labels.size() == static_cast<std::size_t>(x.n), where, labels.size(), " labels for ", x.n, " samples");
  for (std::size_t n = 0; n < labels.size(); ++n)
    require(labels[n] >= 0 && labels[n] < x.c, where, "label ", labels[n], " of sample ", n, " is not in 0..", x.c - 1);
}

void check_sgd(std::string_view where, std::size_t w, std::size_t dw, std::size_t momentum, double momentum_factor) {
  require(dw == w, where, w, " weights but ", dw, " gradients");
  require(momentum == w || (momentum == 0 && momentum_factor == 0), where, w, " weights but ", momentum, " momenta");
}

}  // namespace convoy::cpu
