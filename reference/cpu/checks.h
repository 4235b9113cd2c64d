/// What every kernel, naive or fast, checks of its operands before it starts. All throw std::invalid_argument naming the shapes.
#pragma once

#include <span>
#include <string_view>

#include "reference/core/shape.h"
#include "reference/core/tensor.h"
#include "reference/cpu/types.h"
#include "reference/model/layer.h"

namespace convoy::cpu {

/// `name` must have exactly this shape.
void check_shape(std::string_view where, std::string_view name, const Shape& got, const Shape& expected);
/// Rows P of the output of a window on `h` rows, which may be a part of an image and too few for one window: then 0.
int output_rows(const Window& window, int h);
/// How many groups a convolution has: C / (channels that a filter sees), 1 when there is no channel.
int groups_of(const Shape& x, const Shape& w);
/// x [N,C,H,W], w [K,C/groups,R,S] with R and S the window's and groups that divide C and K, y [N,K,P,Q]. Any extent may be 0.
void check_conv2d(std::string_view where, const Shape& x, const Shape& w, const Shape& y, const Window& window);
/// x [N,C,H,W], w [K,C*H*W,1,1], y [N,K,1,1].
void check_linear(std::string_view where, const Shape& x, const Shape& w, const Shape& y);
/// x [N,C,H,W], y [N,C,P,Q]. Every window has an element of x in it.
void check_max_pool2d(std::string_view where, const Shape& x, const Shape& y, const Window& window);
/// x [N,C,H,W], y [N,C,P,Q] with P and Q spans that lie in x.
void check_avg_pool2d(std::string_view where, const Shape& x, const Shape& y, std::span<const PoolSpan> rows,
                      std::span<const PoolSpan> columns);
/// x [N,C,H,W], y [N,C,1,1]; count is positive.
void check_global_avg_pool2d(std::string_view where, const Shape& x, const Shape& y, double count);
/// x [N,C,H,W], y [N,C2,H,W] with lead + C2 <= C.
void check_local_response_norm(std::string_view where, const Shape& x, const Shape& y, const LocalResponseNorm& norm, int lead);
/// gamma, beta, mean or variance of BatchNorm2d: [1,C,1,1].
void check_per_channel(std::string_view where, std::string_view name, const Shape& got, int channels);
/// `sums` of BatchNorm2d: 2 C + 1; `gradient_sums`: 2 C.
void check_sums(std::string_view where, std::size_t got, std::size_t expected);
/// Both blocks of the part lie in their tensors, whose rows have one length.
void check_part(std::string_view where, const Shape& from, const Shape& to, const Part& part);
/// x [N,C,H,W], s [N,C,1,1].
void check_scale(std::string_view where, const Shape& x, const Shape& s);
/// x [N,C,H,W] has the channels that are selected, y [N,count,H,W].
void check_channel_select(std::string_view where, const Shape& x, const Shape& y, const ChannelSelect& select);
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
