/// The kernels of training on tensors in the layout nChw16c (see BlockedView), named as those in reference/cpu/kernels.h and
/// equal to them within rounding. What holds there holds here: threads are those of the calling thread, the same operands and
/// number of threads give the same bits, any extent may be 0, kernels may run at the same time in several threads, and shapes
/// that disagree throw std::invalid_argument. Weights, biases and statistics stay in their plain layout; what kernels rearrange
/// for themselves lies in scratch memory that is kept, so that a training step allocates nothing.
///
/// Fusing: a convolution can add its bias, apply ReLU and sum up BatchNorm's statistics while its outputs are in registers;
/// BatchNorm can add another tensor and apply ReLU. The backward passes then take y, and the gradient counts only where y > 0.
#pragma once

#include <span>

#include "reference/core/tensor.h"
#include "reference/cpu/blocked/view.h"
#include "reference/model/layer.h"

namespace convoy::cpu::blocked {

/// y = x in the other layout, overwritten, lanes of padding included. Equal logical shapes.
void to_blocked(View<const float> x, BlockedView<float> y);
/// y = x in the plain layout, overwritten.
void from_blocked(BlockedView<const float> x, View<float> y);

/// What a convolution does with its outputs while they are in registers, after the bias.
struct Epilogue {
  bool relu = false;  ///< y = max(y, 0)
  /// [sum of y | sum of y^2 | number of values] by channel, 2 K + 1 numbers, overwritten, as batch_norm2d_statistics(y) gives
  /// them (summed over up to 28 pixels in float, over these in double); empty: not wanted. Not together with relu.
  std::span<double> sums;
};

/// How a convolution is calculated. Winograd's F(4x4, 3x3) needs a quarter of the multiplications, F(2x2, 5x5) a little more than
/// a third, and their rounding errors are larger: up to 1e-4 of the largest value of the result instead of 1e-5.
enum class Algorithm : std::uint8_t { direct, winograd };
/// What the kernels below choose for a convolution without groups of blocked x: conv2d.cpp says why.
Algorithm choose_algorithm(const Shape& x, const Shape& y, const Window& window, Pass pass);

/// y = x (*) w + b, then the epilogue. x: [N,C,H,W] in either layout: the plain one is for images, with few channels
/// w: [K,C/groups,R,S] plain   b: [1,K,1,1] or no data   y: [N,K,P,Q], overwritten.
void conv2d_forward(BlockedView<const float> x, View<const float> w, View<const float> b, BlockedView<float> y,
                    const Window& window, const Epilogue& epilogue = {});
void conv2d_forward(View<const float> x, View<const float> w, View<const float> b, BlockedView<float> y, const Window& window,
                    const Epilogue& epilogue = {});
/// dx = dy (*) w transposed, overwritten. dy: [N,K,P,Q]   w: [K,C/groups,R,S] plain   dx: [N,C,H,W].
/// y: the convolution's output when ReLU was fused into it: dy counts only where y > 0; no data: everywhere. dy stays as it is.
void conv2d_backward_input(BlockedView<const float> dy, View<const float> w, BlockedView<float> dx, const Window& window,
                           BlockedView<const float> y = {});
/// dw += dy (*) x and db[k] += sum of dy[:,k,:,:], accumulated. dy: [N,K,P,Q]   x: [N,C,H,W] in either layout
/// dw: [K,C/groups,R,S] plain   db: [1,K,1,1] or no data   y: as in conv2d_backward_input.
void conv2d_backward_weights(BlockedView<const float> dy, BlockedView<const float> x, View<float> dw, View<float> db,
                             const Window& window, BlockedView<const float> y = {});
void conv2d_backward_weights(BlockedView<const float> dy, View<const float> x, View<float> dw, View<float> db,
                             const Window& window, BlockedView<const float> y = {});

/// sums = [sum of x | sum of x^2 | number of values] by channel, 2 C + 1 numbers, overwritten. x: [N,C,H,W].
void batch_norm2d_statistics(BlockedView<const float> x, std::span<double> sums);
/// y = bn(x) + z, then max(y, 0) with `relu`; bn(x) = gamma (x - mean) / sqrt(variance + epsilon) + beta with mean and biased
/// variance from `sums`. x, y, z: [N,C,H,W], y overwritten; y may be x or z; z without data: nothing is added
/// gamma, beta: [1,C,1,1]. A group without values leaves y alone.
void batch_norm2d_forward(BlockedView<const float> x, BlockedView<const float> z, View<const float> gamma, View<const float> beta,
                          std::span<const double> sums, double epsilon, bool relu, BlockedView<float> y);
/// The same with the running statistics. mean, variance: [1,C,1,1].
void batch_norm2d_forward_evaluate(BlockedView<const float> x, BlockedView<const float> z, View<const float> gamma,
                                   View<const float> beta, View<const float> mean, View<const float> variance, double epsilon,
                                   bool relu, BlockedView<float> y);
/// gradient_sums = [sum of dy | sum of dy xhat] by channel, 2 C numbers, overwritten. dy, x, y, dz: [N,C,H,W].
/// y: the output when ReLU was fused: dy counts only where y > 0; no data: everywhere. dz: gets dy as far as it counts, the
/// gradient of what was added, overwritten; it may be dy; no data: not wanted.
void batch_norm2d_backward_statistics(BlockedView<const float> dy, BlockedView<const float> x, BlockedView<const float> y,
                                      std::span<const double> sums, double epsilon, std::span<double> gradient_sums,
                                      BlockedView<float> dz = {});
/// dx = gamma / deviation (dy - mean of dy - xhat * mean of dy xhat), overwritten, dy counting only where y > 0 when y has data.
/// dx may be dy. dy, x, y, dx: [N,C,H,W]   gamma: [1,C,1,1].
void batch_norm2d_backward_input(BlockedView<const float> dy, BlockedView<const float> x, BlockedView<const float> y,
                                 View<const float> gamma, std::span<const double> sums, std::span<const double> gradient_sums,
                                 double epsilon, BlockedView<float> dx);

/// y = largest x of each window. x: [N,C,H,W]   y: [N,C,P,Q], overwritten. A NaN in a window makes its y NaN.
void max_pool2d_forward(BlockedView<const float> x, BlockedView<float> y, const Window& window);
/// dx = dy where x was the largest of its window (the first one in row-major order), else 0, overwritten; overlaps add up.
void max_pool2d_backward_input(BlockedView<const float> dy, BlockedView<const float> x, BlockedView<float> dx,
                               const Window& window);

/// y[n,c,p,q] = sum of x[n,c] over the rows of rows[p] and the columns of columns[q] / (rows[p].count * columns[q].count).
/// x: [N,C,H,W]   y: [N,C,P,Q], overwritten.
void avg_pool2d_forward(BlockedView<const float> x, BlockedView<float> y, std::span<const PoolSpan> rows,
                        std::span<const PoolSpan> columns);
/// dx[n,c,h,w] = sum of dy[n,c,p,q] / (rows[p].count * columns[q].count) over all p,q that cover (h,w), overwritten.
void avg_pool2d_backward_input(BlockedView<const float> dy, BlockedView<float> dx, std::span<const PoolSpan> rows,
                               std::span<const PoolSpan> columns);

/// y[n,c] = sum of x[n,c,:,:] / count. x: [N,C,H,W]   y: [N,C,1,1], overwritten.
/// A blocked [N,C,1,1] with C a multiple of 16 lies in memory as a plain one.
void global_avg_pool2d_forward(BlockedView<const float> x, BlockedView<float> y, double count);
/// dx[n,c,:,:] = dy[n,c] / count, overwritten. dy: [N,C,1,1]   dx: [N,C,H,W].
void global_avg_pool2d_backward_input(BlockedView<const float> dy, BlockedView<float> dx, double count);

/// y = x0 + x1 + ... from left to right, then max(y, 0) with `relu`. One shape; at least one x; y may be x0.
void sum(std::span<const BlockedView<const float>> xs, bool relu, BlockedView<float> y);
/// y = max(x, 0), NaN where x is NaN; y may be x.
void relu_forward(BlockedView<const float> x, BlockedView<float> y);
/// dx = dy where y > 0, else 0, overwritten. dx may be dy.
void relu_backward_input(BlockedView<const float> dy, BlockedView<const float> y, BlockedView<float> dx);

/// y = function(x); y may be x. Only functions that keep 0, see keeps_zero(): lanes of padding stay 0.
void activation_forward(BlockedView<const float> x, BlockedView<float> y, ActivationFunction function);
/// dx = dy function'(x), overwritten, as activation_backward_input() of reference/cpu/kernels.h. dx may be dy.
void activation_backward_input(BlockedView<const float> dy, BlockedView<const float> source, BlockedView<float> dx,
                               ActivationFunction function);

/// y[n,c,h,w] = x[n,c,h,w] s[n,c]. x, y: [N,C,H,W], y overwritten   s: [N,C,1,1].
void scale_forward(BlockedView<const float> x, BlockedView<const float> s, BlockedView<float> y);
/// ds[n,c] = sum over h,w of dy[n,c,h,w] x[n,c,h,w], overwritten. dy, x: [N,C,H,W]   ds: [N,C,1,1].
void scale_backward_factor(BlockedView<const float> dy, BlockedView<const float> x, BlockedView<float> ds);

/// to[:, to_c + i] = from[:, from_c + i] for i in [0, count), the other channels stay as they are: Concat and its gradient. Where
/// the last channel of `to` is written, the lanes of padding behind it are too. Samples, rows and columns of both are equally
/// many.
void copy_channels(BlockedView<const float> from, int from_c, BlockedView<float> to, int to_c, int count);

/// y = x d^-beta, d = k + alpha / size * sum of x^2 over the window of channels around. x, y: [N,C,H,W], y overwritten.
void local_response_norm_forward(BlockedView<const float> x, BlockedView<float> y, const LocalResponseNorm& norm);
/// Its gradient; calculates d again. dy, x, dx: [N,C,H,W], dx overwritten.
void local_response_norm_backward_input(BlockedView<const float> dy, BlockedView<const float> x, BlockedView<float> dx,
                                        const LocalResponseNorm& norm);

}  // namespace convoy::cpu::blocked
