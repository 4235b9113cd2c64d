/// Layer: what a node of a network computes, as a plain value. Kernels live in reference/cpu and reference/cuda.
///
/// Notation: input x [N,C,H,W], filters w [K,C,R,S], output y [N,K,P,Q]; gradients are d + name.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "reference/core/dtype.h"
#include "reference/core/shape.h"

namespace convoy {

/// The window that a convolution or a pooling slides over its input, in rows and columns.
struct Window {
  int kernel_h = 1;
  int kernel_w = 1;
  int stride_h = 1;
  int stride_w = 1;
  int padding_h = 0;
  int padding_w = 0;

  /// P = floor((H + 2 padding - kernel) / stride) + 1.
  [[nodiscard]] int output_h(int h) const { return (h + 2 * padding_h - kernel_h) / stride_h + 1; }
  [[nodiscard]] int output_w(int w) const { return (w + 2 * padding_w - kernel_w) / stride_w + 1; }
  friend bool operator==(const Window&, const Window&) = default;
};

/// A square window: the same kernel, stride and padding in both directions.
Window square_window(int kernel, int stride = 1, int padding = 0);

/// y[n,k,p,q] = b[k] + sum over c,r,s of w[k,c,r,s] x[n, c, p*stride + r - padding, q*stride + s - padding].
/// It is a cross-correlation, as everywhere in deep learning. Positions outside x count as zero.
struct Conv2d {
  int out_channels = 1;
  Window window;
  bool bias = true;
};

/// y = largest x in the window; positions outside x do not take part. Ties go to the first in row-major order.
struct MaxPool2d {
  Window window;
};

/// y = max(x, 0); the gradient at 0 is 0.
struct ReLU {};

/// y[n,k] = b[k] + sum over c of w[k,c] x[n,c], x taken as [N, C*H*W]; w is [K, C*H*W, 1, 1].
struct Linear {
  int out_features = 1;
  bool bias = true;
};

/// [N,C,H,W] seen as [N, C*H*W, 1, 1]. Moves nothing.
struct Flatten {};

/// In training an element is zero with `probability`, else x / (1 - probability); in evaluation y = x.
/// Which elements drop follows from (seed, step, node, global sample, channel, row, column).
struct Dropout {
  double probability = 0.5;
};

/// y = softmax(x) over channels; loss = sum over the rank's samples of -log y[n, label[n]], divided by the *global* batch.
struct SoftmaxCrossEntropy {};

using Layer = std::variant<Conv2d, MaxPool2d, ReLU, Linear, Flatten, Dropout, SoftmaxCrossEntropy>;

/// The name of a layer's kind: "Conv2d", "Linear", ...
std::string_view kind_name(const Layer& layer);

/// Kind and settings in one line, for tables: "Conv2d 5x5, 6 filters, padding 2".
std::string describe(const Layer& layer);

/// Shape of y for an x of this shape. Throws std::invalid_argument when the window does not fit or a setting is not positive.
Shape output_shape(const Layer& layer, const Shape& x);

/// Shapes of the filters (weights) and of the bias; an empty vector for layers that learn nothing.
struct ParameterShape {
  std::string name;  ///< "weight" or "bias", as PyTorch calls them
  Shape shape;
};
std::vector<ParameterShape> parameter_shapes(const Layer& layer, const Shape& x);

/// The parts of a training step of one layer.
enum class Pass : std::uint8_t {
  forward,           ///< y from x and w
  backward_input,    ///< dx from dy (and w, x or y as the layer needs)
  backward_weights,  ///< dw += ... and db += ... from dy and x
};

/// What one compute op costs: multiplications and additions, and the bytes it has to move at least once.
struct Work {
  double flops = 0;
  double bytes_read = 0;
  double bytes_written = 0;

  Work& operator+=(const Work& other) {
    flops += other.flops;
    bytes_read += other.bytes_read;
    bytes_written += other.bytes_written;
    return *this;
  }
  friend bool operator==(const Work&, const Work&) = default;
};

/// Work of a layer in one pass. Every operand is counted once: what a perfect cache would move.
/// FLOPs of Conv2d and Linear: 2 * multiply-adds in each of the three passes (bias additions included as one FLOP each).
/// Element-wise layers count one FLOP an element, MaxPool2d one comparison for each element of each window.
Work work_of(const Layer& layer, const Shape& x, Pass pass, DType dtype);

}  // namespace convoy
