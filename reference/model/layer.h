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
  int padding_h = 0;  ///< rows above and below; negative only for a part of an image, whose first rows are then skipped
  int padding_w = 0;
  int extra_below = 0;  ///< rows of padding below besides padding_h; not 0 only for a part of an image

  /// P = floor((H + 2 padding - kernel) / stride) + 1.
  [[nodiscard]] int output_h(int h) const { return (h + 2 * padding_h + extra_below - kernel_h) / stride_h + 1; }
  [[nodiscard]] int output_w(int w) const { return (w + 2 * padding_w - kernel_w) / stride_w + 1; }
  friend bool operator==(const Window&, const Window&) = default;
};

/// A square window: the same kernel, stride and padding in both directions.
Window square_window(int kernel, int stride = 1, int padding = 0);

/// y[n,k,p,q] = b[k] + sum over c,r,s of w[k,c,r,s] x[n, c, p*stride + r - padding, q*stride + s - padding].
/// It is a cross-correlation, as everywhere in deep learning. Positions outside x count as zero.
/// With groups, channels and filters are divided evenly and filters see their group's channels only: w is [K, C/groups, R, S].
/// As many groups as channels make it depthwise.
struct Conv2d {
  int out_channels = 1;
  Window window;
  bool bias = true;
  int groups = 1;
  bool relu = false;        ///< y = max(y, 0) at the end, see model/fuse.h
  bool statistics = false;  ///< forward also sums up y for the BatchNorm2d that reads it, see model/fuse.h
};

/// y = largest x in the window; positions outside x do not take part. Ties go to the first in row-major order.
struct MaxPool2d {
  Window window;
};

/// y[n,c] = mean of x[n,c] over rows and columns.
struct GlobalAvgPool2d {};

/// y = max(x, 0); the gradient at 0 is 0.
struct ReLU {};

/// y = weight[c] (x - mean[c]) / sqrt(variance[c] + epsilon) + bias[c] (Ioffe and Szegedy 2015). In training mean and variance
/// (biased) are those of a group of samples that the plan chooses; the running ones, used in evaluation, move towards them
/// (running = (1 - momentum) running + momentum batch, with the unbiased variance), as in PyTorch.
/// Fused (model/fuse.h): with `adds` a second input is added to y, with `relu` y = max(y, 0) after that.
struct BatchNorm2d {
  double epsilon = 1e-5;
  double momentum = 0.1;
  bool adds = false;
  bool relu = false;
};

/// y[c] = x[c] / (k + alpha / size * sum of x[j]^2 over the `size` channels around c)^beta (Krizhevsky et al. 2012), as PyTorch
/// counts alpha. The window holds size/2 channels before c and (size-1)/2 after it, as far as they exist.
struct LocalResponseNorm {
  int size = 5;
  double alpha = 1e-4;
  double beta = 0.75;
  double k = 1;
  [[nodiscard]] int before() const { return size / 2; }
  [[nodiscard]] int behind() const { return (size - 1) / 2; }
};

/// y = sum of all inputs, which have one shape; with `relu` (model/fuse.h) y = max(y, 0) after that.
struct Add {
  bool relu = false;
};

/// y = the channels of all inputs, one input after the other.
struct Concat {};

/// y[n,k] = b[k] + sum over c of w[k,c] x[n,c], x taken as [N, C*H*W]; w is [K, C*H*W, 1, 1].
struct Linear {
  int out_features = 1;
  bool bias = true;
  bool relu = false;  ///< y = max(y, 0) at the end, see model/fuse.h
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

using Layer = std::variant<Conv2d, MaxPool2d, GlobalAvgPool2d, ReLU, BatchNorm2d, LocalResponseNorm, Add, Concat, Linear, Flatten,
                           Dropout, SoftmaxCrossEntropy>;

/// The name of a layer's kind: "Conv2d", "Linear", ...
std::string_view kind_name(const Layer& layer);

/// Kind and settings in one line, for tables: "Conv2d 5x5, 6 filters, padding 2".
std::string describe(const Layer& layer);

/// Whether the layer reads several nodes: Add, Concat, and a BatchNorm2d that adds.
bool has_several_inputs(const Layer& layer);
/// Whether y = max(y, 0) ends a layer that is no ReLU itself.
bool has_fused_relu(const Layer& layer);

/// Shape of y for an x of this shape. Throws std::invalid_argument when the window does not fit or a setting is not positive.
Shape output_shape(const Layer& layer, const Shape& x);
/// The same for the inputs of a layer that may read several.
Shape output_shape(const Layer& layer, std::span<const Shape> inputs);

/// Shapes of the filters (weights) and of the bias; an empty vector for layers that learn nothing.
struct ParameterShape {
  std::string name;  ///< "weight" or "bias", as PyTorch calls them
  Shape shape;
};
std::vector<ParameterShape> parameter_shapes(const Layer& layer, const Shape& x);
/// The same for what training keeps without learning it by gradients: "running_mean" and "running_var" of BatchNorm2d.
std::vector<ParameterShape> state_shapes(const Layer& layer, const Shape& x);

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
/// Element-wise layers count one FLOP an element, MaxPool2d one comparison for each element of each window. BatchNorm2d's forward
/// and backward_input contain the sums over the batch that they need, each a read of its own. Concat and Add: x is the
/// first input, and `inputs` says how many there are; of a Concat, x has the channels of all of them. A fused ReLU is one FLOP an
/// element of y, and backward reads y.
Work work_of(const Layer& layer, const Shape& x, Pass pass, DType dtype, int inputs = 1);

}  // namespace convoy
