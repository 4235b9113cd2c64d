/// What every kernel, naive or fast, checks of its operands before it starts. All throw std::invalid_argument naming the shapes.
#pragma once

#include <span>
#include <string_view>

#include "reference/core/shape.h"
#include "reference/core/tensor.h"
#include "reference/model/layer.h"

namespace convoy::cpu {

/// `name` must have exactly this shape.
void check_shape(std::string_view where, std::string_view name, const Shape& got, const Shape& expected);
/// x [N,C,H,W], w [K,C,R,S] with R and S the window's, y [N,K,P,Q].
void check_conv2d(std::string_view where, const Shape& x, const Shape& w, const Shape& y, const Window& window);
/// x [N,C,H,W], w [K,C*H*W,1,1], y [N,K,1,1].
void check_linear(std::string_view where, const Shape& x, const Shape& w, const Shape& y);
/// x [N,C,H,W], y [N,C,P,Q].
void check_max_pool2d(std::string_view where, const Shape& x, const Shape& y, const Window& window);
/// A probability in [0, 1).
void check_dropout(std::string_view where, double probability);
/// x [N,C,1,1], one label in {0, ..., C - 1} for each sample.
void check_labels(std::string_view where, const Shape& x, std::span<const int> labels);
/// Equal lengths; `momentum` may be empty when the factor is 0.
void check_sgd(std::string_view where, std::size_t w, std::size_t dw, std::size_t momentum, double momentum_factor);

/// A bias is absent (data == nullptr) or [1,K,1,1].
template <class T>
void check_bias(std::string_view where, std::string_view name, View<T> bias, int channels) {
  if (bias.data != nullptr) check_shape(where, name, bias.shape, {1, channels, 1, 1});
}

}  // namespace convoy::cpu
