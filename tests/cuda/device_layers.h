/// The passes of a layer with the CUDA kernels of one side, the GPU's or the emulator's: as Naive and Fast of
/// tests/cpu/operands.h. Needs the standard library only, since scripts/gpu-check builds it where there is nothing else.
#pragma once

#include "reference/train/cuda_kernels.h"
#include "tests/cpu/operands.h"

namespace convoy::test {

/// Kernels and memory of one side.
struct Side {
  KernelTable<float> kernels;
  void* (*allocate)(std::int64_t bytes, const std::string& name, int element_bytes);
  void (*release)(void* memory);
  void (*upload)(void* to, const void* from, std::int64_t bytes);
  void (*download)(void* to, const void* from, std::int64_t bytes);
  /// Fills what is overwritten with NaN first; null on the emulator, where it counts as never written.
  void (*poison)(void* at, int byte, std::int64_t bytes) = nullptr;
};
/// The one that OnSide runs on.
inline const Side* side = nullptr;

inline constexpr Shape kNone{0, 0, 0, 0};  // of a tensor that the layer does not have

/// Copies of a row's tensors on the emulator, taken back when the pass is over.
class OnDevice {
 public:
  OnDevice() = default;
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice() {
    for (const Copy& copy : copies_) {
      if (copy.back != nullptr) side->download(copy.back, copy.memory, copy.bytes);
      side->release(copy.memory);
    }
  }
  View<const float> in(const Tensor<float>& tensor, const char* name) {
    if (tensor.shape() == kNone) return {nullptr, kNone};
    return {static_cast<const float*>(give(tensor.data(), nullptr, 4 * tensor.count(), name, 4)), tensor.shape()};
  }
  /// What is overwritten counts as never written: a kernel that reads it is found out.
  View<float> out(Tensor<float>& tensor, const char* name, bool accumulated = false) {
    if (tensor.shape() == kNone) return {nullptr, kNone};
    return {static_cast<float*>(give(accumulated ? tensor.data() : nullptr, tensor.data(), 4 * tensor.count(), name, 4)),
            tensor.shape()};
  }
  std::span<const double> in(const std::vector<double>& sums, const char* name) {
    return {static_cast<const double*>(give(sums.data(), nullptr, std::ssize(sums) * 8, name, 8)), sums.size()};
  }
  std::span<double> out(std::vector<double>& sums, const char* name) {
    return {static_cast<double*>(give(nullptr, sums.data(), std::ssize(sums) * 8, name, 8)), sums.size()};
  }

 private:
  struct Copy {
    void* memory;
    void* back;
    std::int64_t bytes;
  };
  void* give(const void* from, void* back, std::int64_t bytes, const char* name, int element) {
    void* memory = side->allocate(bytes, name, element);
    if (from != nullptr) side->upload(memory, from, bytes);
    if (from == nullptr && side->poison != nullptr) side->poison(memory, 0xff, bytes);
    copies_.push_back({memory, back, bytes});
    return memory;
  }
  std::vector<Copy> copies_;
};

/// One pass of one row on the side.
struct OnSide {
  static void run(Operands<float>& o, const Conv2d& conv, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward)
      side->kernels.conv2d_forward(d.in(o.x, "x"), d.in(o.w, "w"), d.in(o.b, "b"), d.out(o.y, "y"), conv.window);
    if (pass == Pass::backward_input)
      side->kernels.conv2d_backward_input(d.in(o.dy, "dy"), d.in(o.w, "w"), d.out(o.dx, "dx"), conv.window);
    if (pass == Pass::backward_weights)
      side->kernels.conv2d_backward_weights(d.in(o.dy, "dy"), d.in(o.x, "x"), d.out(o.dw, "dw", true), d.out(o.db, "db", true),
                                            conv.window);
  }
  static void run(Operands<float>& o, const Linear&, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) side->kernels.linear_forward(d.in(o.x, "x"), d.in(o.w, "w"), d.in(o.b, "b"), d.out(o.y, "y"));
    if (pass == Pass::backward_input) side->kernels.linear_backward_input(d.in(o.dy, "dy"), d.in(o.w, "w"), d.out(o.dx, "dx"));
    if (pass == Pass::backward_weights)
      side->kernels.linear_backward_weights(d.in(o.dy, "dy"), d.in(o.x, "x"), d.out(o.dw, "dw", true), d.out(o.db, "db", true));
  }
  static void run(Operands<float>& o, const MaxPool2d& pool, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) side->kernels.max_pool2d_forward(d.in(o.x, "x"), d.out(o.y, "y"), pool.window);
    if (pass == Pass::backward_input)
      side->kernels.max_pool2d_backward_input(d.in(o.dy, "dy"), d.in(o.x, "x"), d.out(o.dx, "dx"), pool.window);
  }
  static void run(Operands<float>& o, const AvgPool2d& pool, Pass pass) { average(o, pool, pass); }
  static void run(Operands<float>& o, const AdaptiveAvgPool2d& pool, Pass pass) { average(o, pool, pass); }
  template <class Pool>
  static void average(Operands<float>& o, const Pool& pool, Pass pass) {
    OnDevice d;
    const std::vector<PoolSpan> rows = pool_spans_h(pool, o.x.shape().h);
    const std::vector<PoolSpan> columns = pool_spans_w(pool, o.x.shape().w);
    if (pass == Pass::forward) side->kernels.avg_pool2d_forward(d.in(o.x, "x"), d.out(o.y, "y"), rows, columns);
    if (pass == Pass::backward_input) side->kernels.avg_pool2d_backward_input(d.in(o.dy, "dy"), d.out(o.dx, "dx"), rows, columns);
  }
  static void run(Operands<float>& o, const GlobalAvgPool2d&, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) side->kernels.global_avg_pool2d_forward(d.in(o.x, "x"), d.out(o.y, "y"), pixels(o.x.shape()));
    if (pass == Pass::backward_input)
      side->kernels.global_avg_pool2d_backward_input(d.in(o.dy, "dy"), d.out(o.dx, "dx"), pixels(o.x.shape()));
  }
  static void run(Operands<float>& o, const ReLU&, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) side->kernels.relu_forward(d.in(o.x, "x"), d.out(o.y, "y"));
    if (pass == Pass::backward_input) side->kernels.relu_backward_input(d.in(o.dy, "dy"), d.in(o.y, "y"), d.out(o.dx, "dx"));
  }
  static void run(Operands<float>& o, const Activation& l, Pass pass) {
    OnDevice d;
    const bool from_y = differentiates_output(l.function);
    if (pass == Pass::forward) side->kernels.activation_forward(d.in(o.x, "x"), d.out(o.y, "y"), l.function);
    if (pass == Pass::backward_input)
      side->kernels.activation_backward_input(d.in(o.dy, "dy"), from_y ? d.in(o.y, "y") : d.in(o.x, "x"), d.out(o.dx, "dx"),
                                              l.function);
  }
  static void run(Operands<float>& o, const Scale&, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) side->kernels.scale_forward(d.in(o.x, "x"), d.in(o.more[0], "s"), d.out(o.y, "y"));
    if (pass != Pass::backward_input) return;
    const View<const float> dy = d.in(o.dy, "dy");
    side->kernels.scale_forward(dy, d.in(o.more[0], "s"), d.out(o.dx, "dx"));
    side->kernels.scale_backward_factor(dy, d.in(o.x, "x"), d.out(o.dmore[0], "ds"));
  }
  static void run(Operands<float>& o, const ChannelSelect& l, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) side->kernels.channel_select_forward(d.in(o.x, "x"), d.out(o.y, "y"), l);
    if (pass == Pass::backward_input) side->kernels.channel_select_backward_input(d.in(o.dy, "dy"), d.out(o.dx, "dx"), l);
  }
  static void run(Operands<float>& o, const Dropout& dropout, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) side->kernels.dropout_forward(d.in(o.x, "x"), d.out(o.y, "y"), dropout.probability, kKey);
    if (pass == Pass::backward_input)
      side->kernels.dropout_backward_input(d.in(o.dy, "dy"), d.out(o.dx, "dx"), dropout.probability, kKey);
  }
  static void run(Operands<float>& o, const LocalResponseNorm& norm, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) side->kernels.local_response_norm_forward(d.in(o.x, "x"), d.out(o.y, "y"), norm, 0);
    if (pass == Pass::backward_input)
      side->kernels.local_response_norm_backward_input(d.in(o.dy, "dy"), d.in(o.x, "x"), d.out(o.dx, "dx"), norm, 0);
  }
  static void run(Operands<float>& o, const SoftmaxCrossEntropy& loss, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward)
      o.loss = side->kernels.softmax_cross_entropy_forward(d.in(o.x, "x"), o.labels, d.out(o.y, "y"), loss);
    if (pass == Pass::backward_input)
      side->kernels.softmax_cross_entropy_backward_input(d.in(o.y, "y"), o.labels, d.out(o.dx, "dx"), loss, o.scale);
  }
  static void run(Operands<float>& o, const BatchNorm2d& norm, Pass pass) {
    if (pass == Pass::forward) {
      OnDevice first;
      side->kernels.batch_norm2d_statistics(first.in(o.x, "x"), first.out(o.sums, "sums"));
    }
    if (pass == Pass::backward_input) {
      OnDevice first;
      side->kernels.batch_norm2d_backward_statistics(first.in(o.dy, "dy"), first.in(o.x, "x"), first.in(o.sums, "sums"),
                                                     norm.epsilon, first.out(o.gradient_sums, "gradient_sums"));
    }
    OnDevice d;
    if (pass == Pass::forward)
      side->kernels.batch_norm2d_forward(d.in(o.x, "x"), d.in(o.w, "gamma"), d.in(o.b, "beta"), d.in(o.sums, "sums"),
                                         norm.epsilon, d.out(o.y, "y"));
    if (pass == Pass::backward_input)
      side->kernels.batch_norm2d_backward_input(d.in(o.dy, "dy"), d.in(o.x, "x"), d.in(o.w, "gamma"), d.in(o.sums, "sums"),
                                                d.in(o.gradient_sums, "gradient_sums"), norm.epsilon, d.out(o.dx, "dx"));
    if (pass == Pass::backward_weights)
      side->kernels.batch_norm2d_backward_weights(d.in(o.gradient_sums, "gradient_sums"), d.out(o.dw, "dgamma", true),
                                                  d.out(o.db, "dbeta", true));
  }
  static void run(Operands<float>& o, const Add&, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) {
      std::vector<View<const float>> xs = {d.in(o.x, "x")};
      for (const Tensor<float>& x : o.more) xs.push_back(d.in(x, "more"));
      side->kernels.sum(xs, d.out(o.y, "y"));
    }
    if (pass != Pass::backward_input) return;
    const View<const float> dy = d.in(o.dy, "dy");
    side->kernels.sum(std::span(&dy, 1), d.out(o.dx, "dx"));
    for (Tensor<float>& dx : o.dmore) side->kernels.sum(std::span(&dy, 1), d.out(dx, "dmore"));
  }
  static void run(Operands<float>& o, const Concat&, Pass pass) {
    OnDevice d;
    if (pass == Pass::forward) {
      const View<float> y = d.out(o.y, "y");
      std::vector<View<const float>> xs = {d.in(o.x, "x")};
      for (const Tensor<float>& x : o.more) xs.push_back(d.in(x, "more"));
      for_each_input(xs, [&](auto x, const cpu::Part& part) { side->kernels.copy_part(x, y, part); });
    }
    if (pass != Pass::backward_input) return;
    const View<const float> dy = d.in(o.dy, "dy");
    std::vector<View<float>> dxs = {d.out(o.dx, "dx")};
    for (Tensor<float>& dx : o.dmore) dxs.push_back(d.out(dx, "dmore"));
    for_each_input(dxs, [&](auto dx, const cpu::Part& part) { side->kernels.copy_part(dy, dx, reversed(part)); });
  }
  static void run(Operands<float>&, const Flatten&, Pass) {}
};

}  // namespace convoy::test
