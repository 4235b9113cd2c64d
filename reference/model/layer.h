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
/// The elements of a dilated window lie `dilation` apart, so that it spans dilation (kernel - 1) + 1 rows.
struct Window {
  int kernel_h = 1;
  int kernel_w = 1;
  int stride_h = 1;
  int stride_w = 1;
  int padding_h = 0;  ///< rows above and below; negative only for a part of an image, whose first rows are then skipped
  int padding_w = 0;
  int extra_below = 0;  ///< rows of padding below besides padding_h; not 0 only for a part of an image
  int dilation_h = 1;
  int dilation_w = 1;
  /// Pooling only: what the stride leaves over below and at the right gets a window of its own, as far as that begins inside the
  /// image or the padding before it (PyTorch's ceil_mode). Such a window reaches over the end; what lies there does not take
  /// part.
  bool ceil_mode = false;

  [[nodiscard]] int span_h() const { return dilation_h * (kernel_h - 1) + 1; }
  [[nodiscard]] int span_w() const { return dilation_w * (kernel_w - 1) + 1; }
  /// P = floor((H + 2 padding - span) / stride) + 1; with ceil_mode rounded up, less a window that begins behind the image.
  [[nodiscard]] int output_h(int h) const { return outputs(h + padding_h, padding_h + extra_below - span_h(), stride_h); }
  [[nodiscard]] int output_w(int w) const { return outputs(w + padding_w, padding_w - span_w(), stride_w); }
  friend bool operator==(const Window&, const Window&) = default;

 private:
  /// `end`: of the image, counted from the start of its padding; `room`: what is left after it for all but the start of a window.
  [[nodiscard]] int outputs(int end, int room, int stride) const {
    const int count = (end + room + (ceil_mode ? stride - 1 : 0)) / stride + 1;
    return ceil_mode && (count - 1) * stride >= end ? count - 1 : count;
  }
};

/// A square window: the same kernel, stride and padding in both directions.
Window square_window(int kernel, int stride = 1, int padding = 0);
/// The same with elements that lie `dilation` apart.
Window dilated_window(int kernel, int dilation, int stride, int padding);
/// The same that counts what the stride leaves over as a window.
Window ceil_window(int kernel, int stride, int padding = 0);

/// y[n,k,p,q] = b[k] + sum over c,r,s of w[k,c,r,s] x[n, c, p*stride + r*dilation - padding, q*stride + s*dilation - padding].
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

/// y = sum of x in the window, divided by the number of its elements. Positions outside x count as zero; with count_include_pad
/// those of the padding are elements like others, without it only x's are. What a ceil_mode window has behind the padding never
/// is.
struct AvgPool2d {
  Window window;  ///< without dilation
  bool count_include_pad = true;
};

/// y[p,q] = mean of x over rows [floor(p H / P), ceil((p + 1) H / P)) and columns likewise, as PyTorch divides them: whatever the
/// image, the output has P x Q pixels.
struct AdaptiveAvgPool2d {
  int output_h = 1;
  int output_w = 1;
};

/// What one output row of an average pooling covers: rows [begin, end) of x, divided by `count`. Columns are the same.
struct PoolSpan {
  int begin = 0, end = 0;
  int count = 1;
  friend bool operator==(const PoolSpan&, const PoolSpan&) = default;
};
/// The rows, or columns, of each output row, or column, for an image with `extent` of them.
std::vector<PoolSpan> pool_spans_h(const AvgPool2d& pool, int extent);
std::vector<PoolSpan> pool_spans_w(const AvgPool2d& pool, int extent);
std::vector<PoolSpan> pool_spans_h(const AdaptiveAvgPool2d& pool, int extent);
std::vector<PoolSpan> pool_spans_w(const AdaptiveAvgPool2d& pool, int extent);

/// y[n,c] = mean of x[n,c] over rows and columns.
struct GlobalAvgPool2d {};

/// y = max(x, 0); the gradient at 0 is 0.
struct ReLU {};

/// What an Activation calculates of every element, as PyTorch has them:
///   relu6         min(max(x, 0), 6)                   MobileNet-V2 (Sandler et al. 2018)
///   sigmoid       s(x) = 1 / (1 + exp(-x))            gates of squeeze-and-excitation (Hu et al. 2018)
///   tanh          tanh(x)                             the first networks
///   hard_sigmoid  min(max(x + 3, 0), 6) / 6           MobileNet-V3 (Howard et al. 2019)
///   hard_swish    x hard_sigmoid(x)                   MobileNet-V3
///   silu          x s(x)                              EfficientNet (Tan and Le 2019)
enum class ActivationFunction : std::uint8_t { relu6, sigmoid, tanh, hard_sigmoid, hard_swish, silu };
/// Whether 0 becomes 0.
bool keeps_zero(ActivationFunction function);
/// Whether the derivative is calculated from y; else from x.
bool differentiates_output(ActivationFunction function);

/// y = function(x), element by element. At a kink the gradient is that of the flat side, but for hard_swish at 3 (as in PyTorch).
struct Activation {
  ActivationFunction function = ActivationFunction::relu6;
};

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

/// y[n,c,h,w] = x[n,c,h,w] s[n,c]: of two inputs, x [N,C,H,W] and s [N,C,1,1], the second scales the channels of the first
/// (squeeze-and-excitation, Hu et al. 2018).
struct Scale {};

/// y[:,i] = x[:,source(i)] for i in [0, count): `count` channels of x from `first` on, and with several groups shuffled: the
/// first channel of every group, then the second of every group (ShuffleNet, Zhang et al. 2018). Groups divide the count.
struct ChannelSelect {
  int first = 0;
  int count = 1;
  int groups = 1;
  [[nodiscard]] int source(int i) const { return first + i % groups * (count / groups) + i / groups; }
};

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

/// y = softmax(x) over channels; loss = sum over the rank's samples of -sum over c of target[n,c] log y[n,c], divided by the
/// *global* batch. target = 1 - label_smoothing at the label, plus label_smoothing / C everywhere (Szegedy et al. 2016), as in
/// PyTorch. A model's loss is the sum of its losses times their weights: auxiliary heads have a small one.
struct SoftmaxCrossEntropy {
  double label_smoothing = 0;
  double weight = 1;
};

using Layer = std::variant<Conv2d, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d, GlobalAvgPool2d, ReLU, Activation, BatchNorm2d,
                           LocalResponseNorm, Add, Concat, Scale, ChannelSelect, Linear, Flatten, Dropout, SoftmaxCrossEntropy>;

/// The name of a layer's kind: "Conv2d", "Linear", ...; of an Activation that of its function: "ReLU6", "SiLU", ...
std::string_view kind_name(const Layer& layer);

/// Kind and settings in one line, for tables: "Conv2d 5x5, 6 filters, padding 2".
std::string describe(const Layer& layer);

/// Whether the layer reads several nodes: Add, Concat, Scale, and a BatchNorm2d that adds.
bool has_several_inputs(const Layer& layer);
/// Whether y = max(y, 0) ends a layer that is no ReLU itself.
bool has_fused_relu(const Layer& layer);
/// Whether the gradient of the input is calculated from the input, and whether from the output, besides dy and learned tensors.
/// (The gradient of weights is from the input in any case, and a fused ReLU masks by the output.)
bool dx_reads_input(const Layer& layer);
bool dx_reads_output(const Layer& layer);

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
/// Element-wise layers count one FLOP an element, poolings one for each element of each window. BatchNorm2d's forward
/// and backward_input contain the sums over the batch that they need, each a read of its own. Concat and Add: x is the
/// first input, and `inputs` says how many there are; of a Concat, x has the channels of all of them; of a Scale, backward_input
/// is the gradients of both inputs. A fused ReLU is one FLOP an element of y, and backward reads y.
Work work_of(const Layer& layer, const Shape& x, Pass pass, DType dtype, int inputs = 1);

}  // namespace convoy
