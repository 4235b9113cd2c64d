#include "simulator/cost/kernels.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "simulator/cost/cost.h"

// Note [asynchronous launches]
// A host issues kernels ahead of the GPU. While they are long the GPU never waits for it, and what lies between two of them is
// the time the GPU takes to start the next, about 1.5 us; when they are short, steps take what the host needs to issue them
// (Device:: launch_overhead_s). So an op takes the larger of kernel + 1.5 us and the host's time for it.

namespace convoy {
namespace {

constexpr double kKernelGap_s = 1.5 * us;

double rounded_up(double value, double unit) { return std::ceil(value / unit) * unit; }

/// The product that a pass of a convolution is, as implicit GEMM. The gradient of x under a stride: of the taps, only those in
/// every stride_h-th row meet a given row of dx, and kernels skip the other rows; columns of one row need different taps, lie in
/// one tile, and multiply by zeros.
Gemm product_of(const Conv2d& conv, const Shape& x, const Shape& y, Pass pass, const KernelMachine& machine) {
  double c = static_cast<double>(x.c) / conv.groups;
  double k = static_cast<double>(y.c) / conv.groups;
  // Tensor cores take channels in pieces of 16 bytes; libraries fill three channels of an image up to four.
  if (machine.tensor_cores) {
    const double unit = machine.element_bytes < 4 ? 8 : 4;
    c = c <= 4 ? 4 : rounded_up(c, unit);
    k = rounded_up(k, unit);
  }
  const double window = static_cast<double>(conv.window.kernel_h) * conv.window.kernel_w;
  const double out = static_cast<double>(y.n) * y.h * y.w;
  const double in = static_cast<double>(x.n) * x.h * x.w;
  const auto groups = static_cast<double>(conv.groups);
  switch (pass) {
    case Pass::forward: return {out, k, c * window, groups};
    case Pass::backward_input: return {in, c, std::max(k * window / conv.window.stride_h, 1.0), groups};
    default: return {k, c * window, out, groups};
  }
}

double bytes_of(const Conv2d& conv, const Shape& x, const Shape& y, const KernelMachine& machine) {
  const double weights = static_cast<double>(y.c) * x.c / conv.groups * conv.window.kernel_h * conv.window.kernel_w;
  return (static_cast<double>(x.count()) + static_cast<double>(y.count()) + weights) * machine.element_bytes;
}

/// Winograd's minimal filtering (Lavin and Gray 2016) of 3x3 windows of stride 1, in single precision.
///   F(2x2) in one kernel: 16 multiplications for 36. On Maxwell it reaches 1.2 times the peak, counted in direct FLOPs: 0.6 of
///   the
///     arithmetic it does, since its tiles are bound by shared memory. Not for gradients of weights.
///   F(4x4) in several: 36 for 144, as 36 products; the transformed input and output, 36/16 as large, go through memory.
double winograd_time_s(const Shape& x, const Shape& y, Pass pass, const KernelMachine& machine, double bytes) {
  const double direct_flops = 2.0 * static_cast<double>(y.count()) * x.c * 9;
  const double fused_flops_per_s = machine.peak_flops_per_s * mainloop_fraction(machine) * 0.6;
  const double blocks =
      std::ceil(static_cast<double>(y.n) * std::ceil(y.h / 2.0) * std::ceil(y.w / 2.0) / 32) * std::ceil(y.c / 64.0);
  const double filled = blocks / rounded_up(blocks, machine.gpu->sms);
  const double fused_s = std::max(direct_flops / 2.25 / (fused_flops_per_s * filled), bytes / streaming_bytes_per_s(machine));
  const double tiles = static_cast<double>(y.n) * std::ceil(y.h / 4.0) * std::ceil(y.w / 4.0);
  Gemm products{tiles, static_cast<double>(y.c), static_cast<double>(x.c), 36};
  if (pass == Pass::backward_input) std::swap(products.n, products.k);
  if (pass == Pass::backward_weights) products = {static_cast<double>(y.c), static_cast<double>(x.c), tiles, 36};
  const double moved = bytes + 2 * 36.0 * tiles * (x.c + y.c) * machine.element_bytes;
  const double apart_s = gemm_time_s(products, machine) + moved / streaming_bytes_per_s(machine) + 3 * kKernelGap_s;
  // The fused kernels are written for Maxwell and later: maxwell_scudnn_winograd, volta_scudnn_winograd in public profiles.
  const bool fused = pass != Pass::backward_weights && machine.gpu->compute_capability >= 50;
  return fused ? std::min(fused_s, apart_s) : apart_s;
}

/// Convolution by Fourier transforms of tiles of 16x16 or 32x32 (Vasilache et al. 2015; cuDNN 3): a complex product of channels
/// at each of t (t/2 + 1) frequencies, four real ones; transforms of tiles and of all filters, 8 bytes a frequency, go through
/// memory.
double fft_time_s(const Conv2d& conv, const Shape& x, const Shape& y, Pass pass, const KernelMachine& machine, double bytes) {
  double best_s = std::numeric_limits<double>::infinity();
  for (const double t : {16.0, 32.0}) {
    const double inside_h = t + 1 - conv.window.kernel_h;
    const double inside_w = t + 1 - conv.window.kernel_w;
    if (inside_h < 4 || inside_w < 4) continue;
    const double tiles = static_cast<double>(y.n) * std::ceil(y.h / inside_h) * std::ceil(y.w / inside_w);
    const double frequencies = t * (t / 2 + 1);
    Gemm products{tiles, static_cast<double>(y.c), static_cast<double>(x.c), frequencies};
    if (pass == Pass::backward_input) std::swap(products.n, products.k);
    if (pass == Pass::backward_weights) products = {static_cast<double>(y.c), static_cast<double>(x.c), tiles, frequencies};
    const double moved = bytes + 8 * frequencies * (tiles * (x.c + y.c) + static_cast<double>(x.c) * y.c);
    best_s = std::min(best_s, 4 * gemm_time_s(products, machine) + moved / streaming_bytes_per_s(machine) + 3 * kKernelGap_s);
  }
  return best_s;
}

/// For each image the matrix of its windows is written down and multiplied by the filters; back the other way round.
double image_by_image_s(const Conv2d& conv, const Shape& x, const Shape& y, Pass pass, const KernelMachine& machine) {
  const Shape one_x{1, x.c, x.h, x.w};
  const Shape one_y{1, y.c, y.h, y.w};
  const double columns = static_cast<double>(x.c) * conv.window.kernel_h * conv.window.kernel_w * y.h * y.w;
  const double writing_s = 2 * columns * machine.element_bytes / streaming_bytes_per_s(machine);
  return x.n * (gemm_time_s(product_of(conv, one_x, one_y, pass, machine), machine) + writing_s + 2 * kKernelGap_s);
}

/// What computing addresses leaves of a matrix product's rate when its operand is an image (taps, padding): up to Pascal integer
/// instructions go through the same pipe as multiply-adds, since Volta they have one of their own (NVIDIA Volta white paper). On
/// Kepler they also break the pairs that its schedulers need, see mainloop_fraction(): cuDNN's convolutions reach at most 51 % of
/// a K40's peak (Chetlur et al. 2014, from memory), where SGEMM reaches 75.
double addressing_fraction(const KernelMachine& machine) {
  const int capability = machine.gpu->compute_capability;
  return capability < 50 ? 0.68 : capability < 70 ? 0.85 : 0.95;
}

/// A bias is a kernel of its own in PyTorch and TensorFlow: y read and written; its gradient reads dy.
double bias_time_s(const Conv2d& conv, const Shape& y, Pass pass, const KernelMachine& machine) {
  if (!conv.bias || pass == Pass::backward_input) return 0;
  const double passes = pass == Pass::forward ? 2 : 1;
  return moving_time_s(passes * static_cast<double>(y.count()) * machine.element_bytes, machine) + kKernelGap_s;
}

double convolution_time_s(const Conv2d& conv, const Shape& x, const Shape& y, Pass pass, const KernelMachine& machine) {
  if (machine.tensor_cores && !machine.pads_channels && (x.c % 8 != 0 || y.c % 8 != 0)) {
    KernelMachine vector = machine;
    vector.tensor_cores = false;
    vector.peak_flops_per_s = machine.vector_flops_per_s;
    return convolution_time_s(conv, x, y, pass, vector);
  }
  const double bytes = bytes_of(conv, x, y, machine);
  const double moving_s = moving_time_s(bytes, machine);
  if (conv.groups > 1 && conv.groups == x.c) {
    // Depthwise kernels of PyTorch (DepthwiseConv2d.cu) and TensorFlow (depthwise_conv_op_gpu.h) make one result a thread; for
    // each tap they look whether it is inside, work out two addresses, load two numbers and multiply: ten instructions for two
    // FLOPs, whatever the precision.
    const double flops = 2.0 * static_cast<double>(y.count()) * conv.window.kernel_h * conv.window.kernel_w;
    return std::max(moving_s, flops / (machine.vector_flops_per_s * 0.1));
  }
  if (machine.image_by_image) return image_by_image_s(conv, x, y, pass, machine) + bias_time_s(conv, y, pass, machine);
  const double product_s = implicit_gemm_time_s(product_of(conv, x, y, pass, machine), pass == Pass::backward_weights, machine);
  double time_s = std::max(product_s / addressing_fraction(machine), moving_s);
  const Window& window = conv.window;
  const bool dense = !machine.tensor_cores && conv.groups == 1 && window.stride_h == 1 && window.stride_w == 1 && x.c >= 16;
  const bool winograd = dense && machine.winograd && window.kernel_h == 3 && window.kernel_w == 3;
  if (dense && machine.fft && window.kernel_h * window.kernel_w > 1)
    time_s = std::min(time_s, fft_time_s(conv, x, y, pass, machine, bytes));
  if (winograd) time_s = std::min(time_s, winograd_time_s(x, y, pass, machine, bytes));
  if (machine.converts_layout && machine.tensor_cores) time_s += moving_time_s(2 * bytes, machine);
  return time_s + bias_time_s(conv, y, pass, machine);
}

double linear_time_s(const Shape& x, const Shape& y, Pass pass, const KernelMachine& machine) {
  const auto n = static_cast<double>(x.n);
  const auto in = static_cast<double>(x.sample_count());
  const auto out = static_cast<double>(y.sample_count());
  if (pass == Pass::forward) return gemm_time_s({n, out, in}, machine);
  if (pass == Pass::backward_input) return gemm_time_s({n, in, out}, machine);
  return gemm_time_s({out, in, n}, machine);
}

/// The shape of the operand with one of these roles; an empty one when there is none.
Shape shape_of(const Compute& compute, Role first, Role second) {
  for (const Role role : {first, second})
    for (const Operand& operand : compute.operands)
      if (operand.role == role && !operand.box.empty()) return operand.box.shape();
  return {0, 0, 0, 0};
}

double work_time_s(const Work& work, const KernelMachine& machine, double scale) {
  const double bytes = (work.bytes_read + work.bytes_written) * scale;
  return std::max(moving_time_s(bytes, machine), work.flops / machine.vector_flops_per_s);
}

/// What a layer is besides the kernel before it where that takes in what works element by element: a sum still reads its other
/// operand, one of three passes, and the others touch no memory of their own.
double fused_part(const Layer& layer) {
  if (std::holds_alternative<Add>(layer)) return 1.0 / 3;
  return std::holds_alternative<ReLU>(layer) || std::holds_alternative<Activation>(layer) ||
                 std::holds_alternative<Dropout>(layer)
             ? 0.0
             : 1.0;
}

}  // namespace

double strided_accesses(const Window& window) { return std::max(1, window.stride_w); }

KernelMachine kernel_machine(const Device& device, const Gpu& gpu, const std::string& precision) {
  const auto peak = [&](const std::string& name) {
    const auto found = device.peak_flops_per_s.find(name);
    if (found == device.peak_flops_per_s.end()) throw InputError(cat("device '", device.name, "' has no peak for ", name));
    return found->second;
  };
  require(device.memory_bandwidth_bytes_per_s > 0, "kernel_machine", "device '", device.name, "' has no memory bandwidth");
  const bool half = precision == "fp16" || precision == "bf16" || precision == "amp";
  KernelMachine machine{.gpu = &gpu,
                        .vector_flops_per_s = peak("fp32"),
                        .memory_bytes_per_s = device.memory_bandwidth_bytes_per_s,
                        .element_bytes = half ? 2.0 : 4.0,
                        .launch_s = device.launch_overhead_s};
  machine.tensor_cores = (half && gpu.has_tensor_cores()) || (precision == "tf32" && gpu.has_tf32());
  if (machine.tensor_cores) {
    machine.peak_flops_per_s = peak(precision == "amp" ? "fp16" : precision);
  } else if (half && gpu.compute_capability == 60) {
    machine.peak_flops_per_s = peak("fp16");  // P100 alone has two halves in a register as a rate of its own
  } else if (precision == "fp64") {
    machine.peak_flops_per_s = peak("fp64");
    machine.element_bytes = 8;
  } else {
    machine.peak_flops_per_s = peak("fp32");  // elsewhere half precision is storage: products are made in fp32
  }
  return machine;
}

double layer_time_s(const Layer& layer, const Shape& x, const Shape& y, Pass pass, const Work& work,
                    const KernelMachine& machine) {
  if (x.count() == 0 || y.count() == 0) return work_time_s(work, machine, machine.element_bytes / 4);
  if (const auto* conv = std::get_if<Conv2d>(&layer)) return convolution_time_s(*conv, x, y, pass, machine);
  if (std::holds_alternative<Linear>(layer)) return linear_time_s(x, y, pass, machine);
  if (const auto* pool = std::get_if<MaxPool2d>(&layer))
    return work_time_s(work, machine, machine.element_bytes / 4) * strided_accesses(pool->window);
  return work_time_s(work, machine, machine.element_bytes / 4);
}

CostModel kernel_costs(const Model& model, const KernelMachine& machine) {
  std::vector<Layer> layers;
  for (const Node& node : model.nodes) layers.push_back(node.layer);
  CostModel cost;
  cost.compute_s = [machine, layers](const Program&, const Op&, const Compute& compute) {
    if (compute.work == Work{}) return 0.0;
    const double part = machine.fuses && compute.node >= 0 ? fused_part(layers.at(static_cast<std::size_t>(compute.node))) : 1.0;
    if (part == 0) return 0.0;
    double kernel_s = 0;
    const bool of_layer = compute.kind == ComputeKind::forward || compute.kind == ComputeKind::backward_input ||
                          compute.kind == ComputeKind::backward_weights;
    if (of_layer && compute.node >= 0) {
      const Pass pass = compute.kind == ComputeKind::forward          ? Pass::forward
                        : compute.kind == ComputeKind::backward_input ? Pass::backward_input
                                                                      : Pass::backward_weights;
      kernel_s = layer_time_s(layers.at(static_cast<std::size_t>(compute.node)), shape_of(compute, Role::x, Role::dx),
                              shape_of(compute, Role::y, Role::dy), pass, compute.work, machine);
    } else {
      // Weights, gradients and momentum are fp32 in every precision here (amp keeps master weights); activations are not.
      const bool learned = compute.kind == ComputeKind::update || compute.kind == ComputeKind::zero;
      kernel_s = work_time_s(compute.work, machine, learned ? 1.0 : machine.element_bytes / 4);
    }
    return std::max(kernel_s * part + kKernelGap_s, machine.launch_s);
  };
  return cost;
}

}  // namespace convoy
