/// The fast kernels of the layers in reference/model/layer.h: float, Eigen and OpenMP. reference/cpu/naive has the same
/// functions in plain loops; these must equal them within rounding.
///
/// Threads: as many as omp_get_max_threads() says in the calling thread, so each rank sets its own number. A kernel gives the
/// same bits whenever it is called with the same operands and the same number of threads. Kernels may run at the same time
/// in several threads. Any extent of a tensor may be 0, since ranks that got no sample, channel or row of a layer call the same
/// kernels: a sum of nothing is 0, and what is accumulated stays as it is.
/// Every kernel throws std::invalid_argument naming the shapes when they disagree.
#pragma once

#include <span>

#include "reference/core/tensor.h"
#include "reference/cpu/types.h"
#include "reference/model/layer.h"

namespace convoy::cpu {

/// y = x (*) w + b. x: [N,C,H,W]   w: [K,C/groups,R,S]   b: [1,K,1,1] or no data   y: [N,K,P,Q], overwritten.
/// The number of groups follows from the channels of x and w. A window with negative padding_h or with extra_below computes the
/// output rows of a part of an image: see Window.
void conv2d_forward(View<const float> x, View<const float> w, View<const float> b, View<float> y, const Window& window);
/// dx = dy (*) w transposed, overwritten. dy: [N,K,P,Q]   w: [K,C/groups,R,S]   dx: [N,C,H,W].
void conv2d_backward_input(View<const float> dy, View<const float> w, View<float> dx, const Window& window);
/// dw += dy (*) x and db[k] += sum of dy[:,k,:,:], accumulated so that micro-batches can share one buffer.
/// dy: [N,K,P,Q]   x: [N,C,H,W]   dw: [K,C/groups,R,S]   db: [1,K,1,1] or no data.
void conv2d_backward_weights(View<const float> dy, View<const float> x, View<float> dw, View<float> db, const Window& window);

/// y[n,k,p,q] += b[k], for layers whose output is added up over ranks before. b: [1,K,1,1]   y: [N,K,P,Q], accumulated.
void add_bias(View<const float> b, View<float> y);
/// db[k] += sum of dy[:,k,:,:], accumulated. dy: [N,K,P,Q]   db: [1,K,1,1].
void bias_backward(View<const float> dy, View<float> db);

/// y = x w^T + b. x: [N,C,H,W] taken as [N,C*H*W]   w: [K,C*H*W,1,1]   b: [1,K,1,1] or no data   y: [N,K,1,1], overwritten.
void linear_forward(View<const float> x, View<const float> w, View<const float> b, View<float> y);
/// dx = dy w, overwritten. dy: [N,K,1,1]   w: [K,C*H*W,1,1]   dx: [N,C,H,W].
void linear_backward_input(View<const float> dy, View<const float> w, View<float> dx);
/// dw += dy^T x and db[k] += sum of dy[:,k], accumulated. dy: [N,K,1,1]   x: [N,C,H,W]   dw: [K,C*H*W,1,1]   db: [1,K,1,1].
void linear_backward_weights(View<const float> dy, View<const float> x, View<float> dw, View<float> db);

/// y = largest x of each window. x: [N,C,H,W]   y: [N,C,P,Q], overwritten. A NaN in a window makes its y NaN.
void max_pool2d_forward(View<const float> x, View<float> y, const Window& window);
/// dx = dy where x was the largest of its window (the first one in row-major order), else 0; windows that overlap add up.
/// Finds the maxima again instead of storing them. dy: [N,C,P,Q]   x, dx: [N,C,H,W], dx overwritten.
/// Which element of a window with a NaN gets the gradient is not specified.
void max_pool2d_backward_input(View<const float> dy, View<const float> x, View<float> dx, const Window& window);

/// y[n,c,p,q] = sum of x[n,c] over the rows of rows[p] and the columns of columns[q] / (rows[p].count * columns[q].count): the
/// average poolings, whose pool_spans_h() and pool_spans_w() these are. x: [N,C,H,W]   y: [N,C,P,Q], overwritten.
void avg_pool2d_forward(View<const float> x, View<float> y, std::span<const PoolSpan> rows, std::span<const PoolSpan> columns);
/// dx[n,c,h,w] = sum of dy[n,c,p,q] / (rows[p].count * columns[q].count) over all p,q that cover (h,w), overwritten.
/// dy: [N,C,P,Q]   dx: [N,C,H,W].
void avg_pool2d_backward_input(View<const float> dy, View<float> dx, std::span<const PoolSpan> rows,
                               std::span<const PoolSpan> columns);

/// y[n,c] = sum of x[n,c,:,:] / count, count being the pixels of the *whole* image: the y of parts of an image add up to its y.
/// x: [N,C,H,W]   y: [N,C,1,1], overwritten.
void global_avg_pool2d_forward(View<const float> x, View<float> y, double count);
/// dx[n,c,:,:] = dy[n,c] / count, overwritten. dy: [N,C,1,1]   dx: [N,C,H,W].
void global_avg_pool2d_backward_input(View<const float> dy, View<float> dx, double count);

/// y[n,j] = x[n,c] d^-beta with c = j + lead and d = k + alpha / size * sum of x[n,i]^2 over the window of channels around c,
/// clipped at x's ends. lead is not 0 for some of the channels with a halo around. x: [N,C,H,W]   y: [N,C2,H,W], overwritten.
void local_response_norm_forward(View<const float> x, View<float> y, const LocalResponseNorm& norm, int lead);
/// dx for all channels of x, those of the halo too, from the dy of y's channels; calculates d again.
/// dy: [N,C2,H,W]   x, dx: [N,C,H,W], dx overwritten.
void local_response_norm_backward_input(View<const float> dy, View<const float> x, View<float> dx, const LocalResponseNorm& norm,
                                        int lead);

// BatchNorm2d is cut where ranks that share a group of samples add something up; reference/cpu/naive/batch_norm2d.h says how.

/// sums = [sum of x | sum of x^2 | number of values] by channel, 2 C + 1 numbers, overwritten. x: [N,C,H,W].
void batch_norm2d_statistics(View<const float> x, std::span<double> sums);
/// y = gamma (x - mean) / sqrt(variance + epsilon) + beta with mean and biased variance of the group, from its sums.
/// x, y: [N,C,H,W], y overwritten; y may be x   gamma, beta: [1,C,1,1]. A group without values leaves y alone.
void batch_norm2d_forward(View<const float> x, View<const float> gamma, View<const float> beta, std::span<const double> sums,
                          double epsilon, View<float> y);
/// mean and variance move by `momentum` towards those of the group (variance unbiased). mean, variance: [1,C,1,1].
/// A group without values changes nothing; with one value the biased variance counts, 0.
void batch_norm2d_update_running(std::span<const double> sums, double momentum, View<float> mean, View<float> variance);
/// y = gamma (x - mean) / sqrt(variance + epsilon) + beta with the running statistics. y may be x.
void batch_norm2d_forward_evaluate(View<const float> x, View<const float> gamma, View<const float> beta, View<const float> mean,
                                   View<const float> variance, double epsilon, View<float> y);
/// gradient_sums = [sum of dy | sum of dy xhat] by channel, 2 C numbers, overwritten. dy, x: [N,C,H,W].
void batch_norm2d_backward_statistics(View<const float> dy, View<const float> x, std::span<const double> sums, double epsilon,
                                      std::span<double> gradient_sums);
/// dgamma += sum of dy xhat and dbeta += sum of dy, accumulated. dgamma, dbeta: [1,C,1,1].
void batch_norm2d_backward_weights(std::span<const double> gradient_sums, View<float> dgamma, View<float> dbeta);
/// dx = gamma / deviation (dy - mean of dy - xhat * mean of dy xhat), means over the group. dy, x, dx: [N,C,H,W], dx overwritten;
/// dx may be dy   gamma: [1,C,1,1].
void batch_norm2d_backward_input(View<const float> dy, View<const float> x, View<const float> gamma, std::span<const double> sums,
                                 std::span<const double> gradient_sums, double epsilon, View<float> dx);

/// y = x0 + x1 + ... from left to right: Add, and where the gradients of a fork meet. One shape; at least one x; y may be x0.
void sum(std::span<const View<const float>> xs, View<float> y);
/// Copies a block of samples, channels and rows to its place in another tensor, and leaves the rest of that as it is: packing
/// slices for messages, Concat, halos. The rows of both are equally long; the blocks must not overlap in memory.
void copy_part(View<const float> from, View<float> to, const Part& part);
/// The same, adding.
void add_part(View<const float> from, View<float> to, const Part& part);

/// y = max(x, 0), NaN where x is NaN. Any shape; y may be x.
void relu_forward(View<const float> x, View<float> y);
/// dx = dy where y > 0, else 0, overwritten. dx may be dy.
void relu_backward_input(View<const float> dy, View<const float> y, View<float> dx);

/// y = function(x), NaN where x is NaN. Any shape; y may be x.
void activation_forward(View<const float> x, View<float> y, ActivationFunction function);
/// dx = dy function'(x), overwritten. `source` is y where differentiates_output(function), else x. dx may be dy.
void activation_backward_input(View<const float> dy, View<const float> source, View<float> dx, ActivationFunction function);

/// y[n,c,h,w] = x[n,c,h,w] s[n,c]. x, y: [N,C,H,W], y overwritten; y may be x   s: [N,C,1,1]. With dy as x it gives dx.
void scale_forward(View<const float> x, View<const float> s, View<float> y);
/// ds[n,c] = sum over h,w of dy[n,c,h,w] x[n,c,h,w], overwritten. dy, x: [N,C,H,W]   ds: [N,C,1,1].
void scale_backward_factor(View<const float> dy, View<const float> x, View<float> ds);

/// y[:,i] = x[:,select.source(i)]. x: [N,C,H,W]   y: [N,count,H,W], overwritten.
void channel_select_forward(View<const float> x, View<float> y, const ChannelSelect& select);
/// dx[:,select.source(i)] = dy[:,i], and 0 in the other channels, overwritten. dy: [N,count,H,W]   dx: [N,C,H,W].
void channel_select_backward_input(View<const float> dy, View<float> dx, const ChannelSelect& select);

/// y = 0 with `probability`, else x / (1 - probability). Any shape; y may be x. See DropoutKey for what decides.
void dropout_forward(View<const float> x, View<float> y, double probability, const DropoutKey& key);
/// dx = 0 where forward dropped, else dy / (1 - probability), overwritten. The same key as forward's. dx may be dy.
void dropout_backward_input(View<const float> dy, View<float> dx, double probability, const DropoutKey& key);

/// y = softmax(x) over channels, overwritten; the loss is returned, times its weight. x, y: [N,C,1,1]   labels: N of
/// {0, ..., C-1}.
Loss softmax_cross_entropy_forward(View<const float> x, std::span<const int> labels, View<float> y,
                                   const SoftmaxCrossEntropy& loss);
/// dx = (y - target) * weight * scale, overwritten; target is 1 at the label, smoothed, and scale is 1 / (samples of the global
/// batch). y, dx: [N,C,1,1].
void softmax_cross_entropy_backward_input(View<const float> y, std::span<const int> labels, View<float> dx,
                                          const SoftmaxCrossEntropy& loss, double scale);

/// g = scale * (dw + weight_decay * w); v = momentum * v + g; w -= learning_rate * v, or with nesterov learning_rate *
/// (g + momentum * v). v is in `momentum`, zeros before the first step; it may be empty when settings.momentum is 0.
void sgd_update(std::span<float> w, std::span<const float> dw, std::span<float> momentum, const SgdSettings& settings);

/// Makes the calling thread and its OpenMP threads take numbers below 1.2e-38 as zero (FTZ and DAZ of x86; nothing happens
/// elsewhere). Training runs into them when activations die out, and each costs a hundred cycles.
void flush_denormals();

}  // namespace convoy::cpu
