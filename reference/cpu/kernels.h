/// The fast kernels of the layers in reference/model/layer.h: float, Eigen and OpenMP. reference/cpu/naive has the same
/// functions in plain loops; these must equal them within rounding.
///
/// Threads: as many as omp_get_max_threads() says in the calling thread, so each rank sets its own number. A kernel gives the
/// same bits whenever it is called with the same operands and the same number of threads. Kernels may run at the same time
/// in several threads. A batch of 0 samples is allowed and leaves everything as it is.
/// Every kernel throws std::invalid_argument naming the shapes when they disagree.
#pragma once

#include <span>

#include "reference/core/tensor.h"
#include "reference/cpu/types.h"
#include "reference/model/layer.h"

namespace convoy::cpu {

/// y = x (*) w + b. x: [N,C,H,W]   w: [K,C,R,S]   b: [1,K,1,1] or no data   y: [N,K,P,Q], overwritten.
void conv2d_forward(View<const float> x, View<const float> w, View<const float> b, View<float> y, const Window& window);
/// dx = dy (*) w transposed, overwritten. dy: [N,K,P,Q]   w: [K,C,R,S]   dx: [N,C,H,W].
void conv2d_backward_input(View<const float> dy, View<const float> w, View<float> dx, const Window& window);
/// dw += dy (*) x and db[k] += sum of dy[:,k,:,:], accumulated so that micro-batches can share one buffer.
/// dy: [N,K,P,Q]   x: [N,C,H,W]   dw: [K,C,R,S]   db: [1,K,1,1] or no data.
void conv2d_backward_weights(View<const float> dy, View<const float> x, View<float> dw, View<float> db, const Window& window);

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

/// y = max(x, 0), NaN where x is NaN. Any shape; y may be x.
void relu_forward(View<const float> x, View<float> y);
/// dx = dy where y > 0, else 0, overwritten. dx may be dy.
void relu_backward_input(View<const float> dy, View<const float> y, View<float> dx);

/// y = 0 with `probability`, else x / (1 - probability). Any shape; y may be x. See DropoutKey for what decides.
void dropout_forward(View<const float> x, View<float> y, double probability, const DropoutKey& key);
/// dx = 0 where forward dropped, else dy / (1 - probability), overwritten. The same key as forward's. dx may be dy.
void dropout_backward_input(View<const float> dy, View<float> dx, double probability, const DropoutKey& key);

/// y = softmax(x) over channels, overwritten; the loss is returned. x, y: [N,C,1,1]   labels: N of {0, ..., C-1}.
Loss softmax_cross_entropy_forward(View<const float> x, std::span<const int> labels, View<float> y);
/// dx = (y - onehot(labels)) * scale, overwritten; scale is 1 / (samples of the global batch). y, dx: [N,C,1,1].
void softmax_cross_entropy_backward_input(View<const float> y, std::span<const int> labels, View<float> dx, double scale);

/// v = momentum * v + (dw + weight_decay * w); w -= learning_rate * v, with v in `momentum`, zeros before the first step.
/// `momentum` may be empty when settings.momentum is 0.
void sgd_update(std::span<float> w, std::span<const float> dw, std::span<float> momentum, const SgdSettings& settings);

/// Makes the calling thread and its OpenMP threads take numbers below 1.2e-38 as zero (FTZ and DAZ of x86; nothing happens
/// elsewhere). Training runs into them when activations die out, and each costs a hundred cycles.
void flush_denormals();

}  // namespace convoy::cpu
