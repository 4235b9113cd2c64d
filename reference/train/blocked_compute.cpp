#include "reference/train/blocked_compute.h"

#include <algorithm>
#include <array>

#include "reference/core/error.h"
#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/kernels.h"
#include "reference/model/layer_part.h"
#include "reference/train/operands.h"
#include "reference/train/pool_spans.h"

namespace convoy {
namespace {

namespace blocked = cpu::blocked;
using In = blocked::BlockedView<const float>;
using Out = blocked::BlockedView<float>;

static_assert(blocked::kBlock == kChannelBlock);

class BlockedCall {
 public:
  BlockedCall(const ComputeCall& call, const Shape& image) : call_(call), o_(call), image_(image) {}

  void run(const Layer& layer) {
    switch (call_.compute.kind) {
      case ComputeKind::repack: return repack();
      case ComputeKind::copy: return copy();
      case ComputeKind::sum: return sum(false);
      case ComputeKind::statistics: return blocked::batch_norm2d_statistics(view(Role::x), o_.flat<double>(Role::sums));
      default: break;
    }
    std::visit([&](const auto& l) { dispatch(l); }, layer);
  }

 private:
  template <class L>
  void dispatch(const L& l) {
    switch (call_.compute.kind) {
      case ComputeKind::forward:
        if constexpr (requires { forward(l); }) return forward(l);
        break;
      case ComputeKind::backward_input:
        if constexpr (requires { backward_input(l); }) return backward_input(l);
        break;
      case ComputeKind::backward_weights:
        if constexpr (requires { backward_weights(l); }) return backward_weights(l);
        break;
      case ComputeKind::gradient_statistics:
        if constexpr (requires { gradient_statistics(l); }) return gradient_statistics(l);
        break;
      default: break;
    }
    require(false, "run_blocked", "op '", call_.op.name, "': ", kind_name(l), " has no blocked ", to_string(call_.compute.kind));
  }

  // ---- layers

  void forward(const Conv2d& l) {
    blocked::Epilogue epilogue{.relu = l.relu, .sums = {}};
    if (o_.find(Role::sums) != nullptr) epilogue.sums = o_.flat<double>(Role::sums);
    with_x([&](auto x) {
      blocked::conv2d_forward(x, o_.view<float>(Role::weight), o_.optional_view<float>(Role::bias), view(Role::y),
                              window(l, Role::x, Role::y), epilogue);
    });
  }
  void backward_input(const Conv2d& l) {
    blocked::conv2d_backward_input(view(Role::dy), o_.view<float>(Role::weight), view(Role::dx), window(l, Role::dx, Role::dy),
                                   optional_view(Role::y));
  }
  void backward_weights(const Conv2d& l) {
    with_x([&](auto x) {
      blocked::conv2d_backward_weights(view(Role::dy), x, o_.view<float>(Role::weight_gradient),
                                       o_.optional_view<float>(Role::bias_gradient), window(l, Role::x, Role::dy),
                                       optional_view(Role::y));
    });
  }

  void forward(const BatchNorm2d& l) {
    const In z = l.adds ? In(view_of(o_.second(Role::x))) : In{};
    if (o_.find(Role::sums) == nullptr)
      return blocked::batch_norm2d_forward_evaluate(view(Role::x), z, o_.view<float>(Role::weight), o_.view<float>(Role::bias),
                                                    o_.view<float>(Role::running_mean), o_.view<float>(Role::running_var),
                                                    l.epsilon, l.relu, view(Role::y));
    blocked::batch_norm2d_forward(view(Role::x), z, o_.view<float>(Role::weight), o_.view<float>(Role::bias),
                                  o_.flat<double>(Role::sums), l.epsilon, l.relu, view(Role::y));
    if (o_.find(Role::running_mean) == nullptr) return;  // the same again, see Pipeline::recompute
    cpu::batch_norm2d_update_running(o_.flat<double>(Role::sums), l.momentum, o_.view<float>(Role::running_mean),
                                     o_.view<float>(Role::running_var));
  }
  void gradient_statistics(const BatchNorm2d& l) {
    blocked::batch_norm2d_backward_statistics(view(Role::dy), view(Role::x), optional_view(Role::y), o_.flat<double>(Role::sums),
                                              l.epsilon, o_.flat<double>(Role::gradient_sums), optional_view(Role::dx));
  }
  void backward_input(const BatchNorm2d& l) {
    blocked::batch_norm2d_backward_input(view(Role::dy), view(Role::x), optional_view(Role::y), o_.view<float>(Role::weight),
                                         o_.flat<double>(Role::sums), o_.flat<double>(Role::gradient_sums), l.epsilon,
                                         view(Role::dx));
  }

  void forward(const MaxPool2d& l) { blocked::max_pool2d_forward(view(Role::x), view(Role::y), window(l, Role::x, Role::y)); }
  void backward_input(const MaxPool2d& l) {
    blocked::max_pool2d_backward_input(view(Role::dy), view(Role::x), view(Role::dx), window(l, Role::dx, Role::dy));
  }
  template <class Pool>
  void average(const Pool& l) {
    const PoolSpans& spans = pool_spans(l, image_, o_.need(Role::x).box, o_.need(Role::y).box);
    blocked::avg_pool2d_forward(view(Role::x), view(Role::y), spans.rows, spans.columns);
  }
  template <class Pool>
  void average_backward(const Pool& l) {
    const PoolSpans& spans = pool_spans(l, image_, o_.need(Role::dx).box, o_.need(Role::dy).box);
    blocked::avg_pool2d_backward_input(view(Role::dy), view(Role::dx), spans.rows, spans.columns);
  }
  void forward(const AvgPool2d& l) { average(l); }
  void backward_input(const AvgPool2d& l) { average_backward(l); }
  void forward(const AdaptiveAvgPool2d& l) { average(l); }
  void backward_input(const AdaptiveAvgPool2d& l) { average_backward(l); }
  void forward(const GlobalAvgPool2d&) {
    blocked::global_avg_pool2d_forward(view(Role::x), also_blocked(Role::y), image_pixels());
  }
  void backward_input(const GlobalAvgPool2d&) {
    blocked::global_avg_pool2d_backward_input(also_blocked(Role::dy), view(Role::dx), image_pixels());
  }
  void forward(const ReLU&) { blocked::relu_forward(view(Role::x), view(Role::y)); }
  void backward_input(const ReLU&) { blocked::relu_backward_input(view(Role::dy), view(Role::y), view(Role::dx)); }
  void forward(const Activation& l) { blocked::activation_forward(view(Role::x), view(Role::y), l.function); }
  void backward_input(const Activation& l) {
    const Role source = differentiates_output(l.function) ? Role::y : Role::x;
    blocked::activation_backward_input(view(Role::dy), view(source), view(Role::dx), l.function);
  }
  void forward(const Scale&) { blocked::scale_forward(view(Role::x), view_of(o_.second(Role::x)), view(Role::y)); }
  void backward_input(const Scale&) {  // of both inputs
    blocked::scale_forward(view(Role::dy), view_of(o_.second(Role::x)), view(Role::dx));
    blocked::scale_backward_factor(view(Role::dy), view(Role::x), view_of(o_.second(Role::dx)));
  }
  void forward(const LocalResponseNorm& l) { blocked::local_response_norm_forward(view(Role::x), view(Role::y), l); }
  void backward_input(const LocalResponseNorm& l) {
    blocked::local_response_norm_backward_input(view(Role::dy), view(Role::x), view(Role::dx), l);
  }
  void forward(const Add& l) { sum(l.relu); }
  void backward_input(const Add&) { blocked::relu_backward_input(view(Role::dy), view(Role::y), view(Role::dx)); }
  void forward(const Concat&) { copy(); }

  // ---- what is no layer

  void repack() {
    if (o_.layout_of(o_.need(Role::x)) == BufferLayout::nchw) return blocked::to_blocked(o_.view<float>(Role::x), view(Role::y));
    blocked::from_blocked(view(Role::x), o_.view<float>(Role::y));
  }

  /// Where the boxes of x and y meet: they differ in channels only.
  void copy() {
    o_.for_each(Role::y, [&](const Operand& y) {
      o_.for_each(Role::x, [&](const Operand& x) {
        const Box both = intersection(x.box, y.box);
        if (both.empty()) return;
        require(x.box.n == y.box.n && x.box.h == y.box.h && x.box.w == y.box.w, "run_blocked", "op '", call_.op.name,
                "' copies more than channels");
        blocked::copy_channels(view_of(x), static_cast<int>(both.c.offset - x.box.c.offset), view_of(y),
                               static_cast<int>(both.c.offset - y.box.c.offset), static_cast<int>(both.c.count));
      });
    });
  }

  void sum(bool relu) {
    std::array<In, kMostTerms> terms;
    std::size_t count = 0;
    const Out y = view(Role::y);
    o_.for_each(Role::x, [&](const Operand& x) {
      require(x.box == o_.need(Role::y).box, "run_blocked", "op '", call_.op.name, "' adds parts");
      if (count == kMostTerms) {  // more go in several steps
        blocked::sum(std::span(terms).first(count), false, y);
        terms[0] = y;
        count = 1;
      }
      terms[count++] = view_of(x);
    });
    blocked::sum(std::span(terms).first(count), relu, y);
  }

  // ---- operands

  [[nodiscard]] Out view_of(const Operand& operand) const {
    require(o_.layout_of(operand) == BufferLayout::nchw16c, "run_blocked", "op '", call_.op.name, "': ", to_string(operand.role),
            " is not blocked");
    return {call_.memory.at<float>(operand.region), operand.box.shape()};
  }
  [[nodiscard]] Out view(Role role) const { return view_of(o_.need(role)); }
  [[nodiscard]] Out optional_view(Role role) const {
    const Operand* operand = o_.find(role);
    return operand == nullptr ? Out{} : view_of(*operand);
  }
  /// A plain [N,C,1,1] whose channels are a multiple of the block lies in memory as a blocked one.
  [[nodiscard]] Out also_blocked(Role role) const {
    const View<float> plain = o_.view<float>(role);
    require(plain.shape.h == 1 && plain.shape.w == 1 && plain.shape.c % kChannelBlock == 0, "run_blocked", "op '", call_.op.name,
            "': ", to_string(plain.shape), " is not the same in both layouts");
    return {plain.data, plain.shape};
  }
  /// A convolution's x, which may be plain images.
  template <class F>
  void with_x(const F& f) const {
    if (o_.layout_of(o_.need(Role::x)) == BufferLayout::nchw) return f(View<const float>(o_.view<float>(Role::x)));
    f(In(view(Role::x)));
  }
  template <class L>
  [[nodiscard]] Window window(const L& layer, Role x, Role y) const {
    return std::get<L>(layer_on_part(layer, o_.need(x).box, o_.need(y).box)).window;
  }

  [[nodiscard]] double image_pixels() const { return static_cast<double>(image_.h) * image_.w; }

  const ComputeCall& call_;
  Operands o_;
  Shape image_;
};

}  // namespace

bool touches_blocked(const ComputeCall& call) {
  const std::vector<Buffer>& buffers = call.schedule.program(call.rank).buffers;
  return std::ranges::any_of(call.compute.operands, [&](const Operand& operand) {
    return buffers[static_cast<std::size_t>(operand.region.buffer)].layout != BufferLayout::nchw;
  });
}

void run_blocked(const ComputeCall& call, const Layer& layer, const Shape& image) { BlockedCall(call, image).run(layer); }

}  // namespace convoy
