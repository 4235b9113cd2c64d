/// A convolution as a sum over taps: what forward and the input gradient of every stride, padding and dilation have in common.
///
///     y[k, i, j] = bias[k] + sum over taps t and channels c of w[k, c, t] x[c, i * stride_h + t.row, j * stride_w + t.column]
///
/// Forward: the taps are the elements of the window, moved by the padding. The input gradient with stride 1 is the same with dy
/// for x, filters and channels exchanged and the window turned round. With a stride of m, the pixels of dx fall into m x m
/// classes by row and column modulo m; each is such a sum with some of the taps, and writes every m-th pixel.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "reference/core/tensor.h"
#include "reference/cpu/blocked/view.h"
#include "reference/model/layer.h"

namespace convoy::cpu::blocked {

struct Tap {
  int row = 0, column = 0;  ///< in x, from the pixel of the output times the stride
  int r = 0, s = 0;         ///< in the filters
};
inline constexpr int kHalf = kBlock / 2;  ///< channels of a pixel in a vector of two pixels
inline constexpr int kMaxTaps = 128;  ///< the largest window of a known network has 121
struct Taps {
  std::array<Tap, kMaxTaps> tap;
  int count = 0;
  void add(const Tap& t) { tap[static_cast<std::size_t>(count++)] = t; }
  [[nodiscard]] std::span<const Tap> span() const { return {tap.data(), static_cast<std::size_t>(count)}; }
};

/// Memory of images in planes of pixels of `pixel` floats: blocked ones have 16, plain ones 1.
template <class T>
struct Planes {
  T* data = nullptr;
  int planes = 0;  ///< blocks of channels that take part
  int h = 0, w = 0;
  int pixel = kBlock;      ///< floats from pixel to pixel
  std::int64_t row = 0;    ///< floats from row to row
  std::int64_t plane = 0;  ///< floats from plane to plane
  std::int64_t image = 0;  ///< floats from image to image
};

/// Which filters meet which channels. Out is what y has, in what x has: filters and channels forward, the reverse backward.
struct WeightPart {
  View<const float> w;          ///< [K,C/groups,R,S]
  bool transposed = false;      ///< out are the channels
  int first_out = 0, outs = 0;  ///< in the whole layer
  int first_in = 0, ins = 0;
  int groups = 1;  ///< weights between different groups are 0
};

/// Pixels between those that are written, where y's image of h x w has them: they become 0.
struct Gaps {
  int rows = 1, columns = 1;  ///< from one pixel written to the next; 1 x 1: there are no gaps
  int h = 0, w = 0;
};

struct TapConvolution {
  int images = 0;
  Planes<const float> x;
  const float* mask = nullptr;  ///< laid out as x: x counts only where this is positive; nullptr: everywhere
  int in_lanes = kBlock;        ///< channels of a plane of x: 16, or 1 of plain images
  int last_in_lanes = kBlock;   ///< of the last one
  Planes<float> y;              ///< its pixel is the distance of the pixels written
  Gaps gaps;
  int stride_h = 1, stride_w = 1;
  Taps taps;
  WeightPart weights;
  const float* bias = nullptr;  ///< of the first of `outs`, or nullptr
  bool relu = false;
  std::span<double> sums;  ///< empty, or [sum of y | sum of y^2] of all filters of the layer, those of `outs` overwritten
  int sums_channels = 0;   ///< filters of the layer
};

/// Carries it out.
void run(const TapConvolution& convolution);

}  // namespace convoy::cpu::blocked
