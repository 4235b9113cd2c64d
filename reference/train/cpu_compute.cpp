#include "reference/train/cpu_compute.h"

#include <cmath>
#include <type_traits>
#include <utility>

#include "reference/core/error.h"
#include "reference/train/blocked_compute.h"
#include "reference/train/compute_op.h"
#include "reference/train/layer_ops.h"
#include "reference/train/load_ops.h"
#include "reference/train/tensor_ops.h"
#include "reference/train/update_ops.h"

namespace convoy {
namespace {

template <class T, class L>
void run_layer(const ComputeOp<T>& op, const L& layer) {
  constexpr bool learns = std::is_same_v<L, Conv2d> || std::is_same_v<L, Linear> || std::is_same_v<L, BatchNorm2d>;
  LayerOps<T> ops{op};
  switch (op.call.compute.kind) {
    case ComputeKind::forward: return ops.forward(layer);
    case ComputeKind::backward_input: return ops.backward_input(layer);
    case ComputeKind::backward_weights:
      if constexpr (learns) return ops.backward_weights(layer);
      break;
    case ComputeKind::gradient_statistics:
      if constexpr (std::is_same_v<L, BatchNorm2d>) return ops.gradient_statistics(layer);
      break;
    default: break;
  }
  require(false, "CpuCompute", "op '", op.call.op.name, "': ", kind_name(layer), " has no ", to_string(op.call.compute.kind));
}

template <class T>
void run_op(const ComputeOp<T>& op) {
  switch (op.call.compute.kind) {
    case ComputeKind::load: return load(op);
    case ComputeKind::zero: return clear(op, op.flat(Role::gradients));
    case ComputeKind::update: return update(op);
    case ComputeKind::copy: return copy_parts(op);
    case ComputeKind::sum: return add_parts(op);
    case ComputeKind::convert: return convert(op);
    case ComputeKind::join: return;
    case ComputeKind::norms: return norms(op);
    case ComputeKind::compress: return compress(op);
    case ComputeKind::decompress: return decompress(op);
    case ComputeKind::weigh: return weigh(op);
    case ComputeKind::bias: return add_bias(op);
    case ComputeKind::statistics: return op.kernels.batch_norm2d_statistics(op.view(Role::x), op.doubles(Role::sums));
    default: return std::visit([&](const auto& layer) { run_layer(op, layer); }, op.node().layer);
  }
}

}  // namespace

double lars_rate(double trust, double weight_squares, double gradient_squares, double weight_decay) {
  const double weights = std::sqrt(weight_squares), gradients = std::sqrt(gradient_squares);
  if (!(weights > 0) || !(gradients > 0)) return 1;
  return trust * weights / (gradients + weight_decay * weights);
}

DType dtype_of(Kernels kernels) { return kernels == Kernels::naive_f64 ? DType::f64 : DType::f32; }

CpuCompute::CpuCompute(const Model& model, const Dataset& data, int ranks, ComputeSettings settings)
    : model_(model), data_(data), settings_(std::move(settings)), ranks_(static_cast<std::size_t>(ranks)) {
  require(data.image == model.image.with_batch(1), "CpuCompute", "images are ", to_string(data.image), ", the model takes ",
          to_string(model.image));
  for (int i = 0; i < static_cast<int>(model.nodes.size()); ++i) inputs_.push_back(input_shape(model, i, 1));
}

CpuCompute::~CpuCompute() = default;

void CpuCompute::run(const ComputeCall& call) {
  static constexpr KernelTable<double> kNaive64 = naive_kernels<double>();
  static constexpr KernelTable<float> kNaive32 = naive_kernels<float>();
  static constexpr KernelTable<float> kFast = fast_kernels();
  const auto run_with = [&]<class T>(const KernelTable<T>& kernels) {
    run_op(ComputeOp<T>{.call = call,
                        .kernels = kernels,
                        .model = model_,
                        .inputs = inputs_,
                        .data = data_,
                        .settings = settings_,
                        .state = ranks_.at(static_cast<std::size_t>(call.rank))});
  };
  if (settings_.device != nullptr) return run_with(settings_.device->kernels);
  switch (settings_.kernels) {
    case Kernels::naive_f64: return run_with(kNaive64);
    case Kernels::naive_f32: return run_with(kNaive32);
    case Kernels::fast: break;
  }
  if (!touches_blocked(call)) return run_with(kFast);
  static const Layer none = Flatten{};
  if (call.compute.node < 0) return run_blocked(call, none, {});
  const auto node = static_cast<std::size_t>(call.compute.node);
  run_blocked(call, model_.nodes.at(node).layer, inputs_.at(node));
}

ComputeFn CpuCompute::function() {
  return [this](const ComputeCall& call) { run(call); };
}

cpu::Loss CpuCompute::totals(int rank) const { return ranks_.at(static_cast<std::size_t>(rank)).totals; }

cpu::Loss CpuCompute::totals() const {
  cpu::Loss sum;
  for (const ComputeState& state : ranks_) sum += state.totals;
  return sum;
}

void CpuCompute::set_totals(int rank, const cpu::Loss& totals) { ranks_.at(static_cast<std::size_t>(rank)).totals = totals; }

void CpuCompute::reset_totals() {
  for (ComputeState& state : ranks_) state.totals = {};
}

}  // namespace convoy
