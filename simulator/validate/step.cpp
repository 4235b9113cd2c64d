#include "simulator/validate/step.h"

#include <map>
#include <tuple>

#include "reference/core/units.h"
#include "reference/plans/plan.h"
#include "simulator/cost/kernels.h"
#include "simulator/cost/library.h"
#include "simulator/validate/networks/networks.h"
#include "simulator/validate/simulated.h"

namespace convoy {
namespace {

/// How the framework sends gradients: each as PyTorch's, Horovod's, ChainerMN's or TensorFlow's documentation states it.
void set_framework(Plan& plan, const MeasuredTask& task) {
  constexpr std::int64_t kMiB = 1024 * 1024;
  const std::string text = lower_case(task.framework + " " + task.variant);
  const auto says = [&](std::string_view word) { return contains_word(text, word); };
  if (says("horovod")) plan.bucket_bytes = 64 * kMiB;  // HOROVOD_FUSION_THRESHOLD
  // ChainerMN packs all gradients after the backward pass; "no overlap" is in the words of the row.
  if (says("chainermn") || says("no overlap") || says("bsp-")) {
    plan.overlap = false;
    plan.bucket_bytes = std::int64_t{1} << 40;
  }
  // PyTorch keeps fp32 gradients under amp; MXNet and tf_cnn_benchmarks send fp16 ones.
  const bool half = task.precision == "fp16" || task.precision == "amp";
  if (half && !says("pytorch")) plan.gradient_dtype = DType::f16;
}

/// Where a framework gathers what every divided layer makes, all other layers run whole on every rank. That is so in ParaDL's
/// implementation (github.com/ankahira/chainermnx): FilterParallelConvolution2D ends with an all-gather and a concatenation,
/// ChannelParallelConvolution2D with an all-reduce, and BatchNormalization, ReLU, pooling and sums are Chainer's own.
void run_whole_between(Plan& plan, const Model& model) {
  for (std::size_t axis = 0; axis < plan.strategies.size(); ++axis) {
    if (plan.strategies[axis] != "filter" && plan.strategies[axis] != "channel") continue;
    for (const Node& node : model.nodes)
      if (!std::holds_alternative<Conv2d>(node.layer) && !std::holds_alternative<Linear>(node.layer))
        plan.overrides[node.name][plan.mesh.axes[axis].name] = Rule::replicate;
  }
}

Plan plan_of(const MeasuredTask& task, const Model& model) {
  PlanRequest request{.ranks = task.ranks, .global_batch = task.global_batch};
  if (task.plan == "hybrid") {
    request.split = task.inner;
    request.inside = task.inside;
  }
  Plan plan = make_plan(task.plan, request);
  plan.ranks_per_node = std::max(1, task.ranks / task.nodes);
  set_framework(plan, task);
  if (framework_of(task.framework).copies_outputs) run_whole_between(plan, model);
  return plan;
}

IssuingHost host_of(const MeasuredTask& task, const Model& model) {
  const Framework framework = framework_of(task.framework);
  const auto tensors = static_cast<double>(parameters(model).size());
  IssuingHost host{.issue_s = framework.call_s + kLaunch_s};
  host.update_s = tensors * framework.update_launches * host.issue_s;
  if (task.ranks > 1 && framework.packs_gradients) host.pack_s = 2 * tensors * host.issue_s;
  host.waits = framework.copies_outputs;
  host.segment = framework.segment;
  return host;
}

/// The same where the engine has no host: an op takes what its host needs for it, if that is more.
CostModel issued(const CostModel& cost, const IssuingHost& host) {
  CostModel with_host = cost;
  with_host.compute_s = [cost, host](const Program& program, const Op& op, const Compute& compute) {
    const double time_s = cost.compute_s(program, op, compute);
    return time_s > 0 ? std::max(time_s, host.issue_s) : time_s;
  };
  return with_host;
}

StepTime planned_step(const MeasuredTask& task, const Setting& setting) {
  const Model model = measured_network(task.network, task.image_px);
  const Plan plan = plan_of(task, model);
  Machine machine;
  machine.wiring = setting.wiring;
  machine.ranks_per_node = std::max(1, task.ranks / task.nodes);
  machine.host = host_of(task, model);
  const int version = nccl_version(task.framework);
  machine.usage.trees = version == 0 || version >= 20400;
  machine.usage.version = version;
  machine.occupied = occupied_part(setting.wiring, setting.hardware.gpu->sms);
  const Schedule schedule = make_schedule(model, plan);
  const CostModel cost = costs_of(model, task, setting);
  StepTime time = representative_step(schedule, cost, machine, [&](int node) {
    return std::holds_alternative<Conv2d>(model.nodes[static_cast<std::size_t>(node)].layer);
  });
  if (simulates_steps(setting.fidelity))
    time.step_s = simulated_step_s(schedule, issued(cost, machine.host), {task.nodes, machine.ranks_per_node}, setting.wiring,
                                   setting.fidelity);
  return time;
}

/// Variables on the host of one node: every GPU pushes its gradients and pulls the weights over its PCIe lanes, two GPUs to a
/// switch's uplink; the host adds what all of them pushed, three passes over memory at about 40 GB/s for two sockets of DDR4 used
/// by one operation. Pulls hide behind the forward pass and pushes behind the backward pass, as far as they are as long.
StepTime server_step(const MeasuredTask& task, const Setting& setting) {
  MeasuredTask one = task;
  one.global_batch = std::max(1, task.global_batch / task.ranks);
  one.ranks = one.nodes = 1;
  StepTime time = planned_step(one, setting);
  const double gradient_bytes = 4.0 * static_cast<double>(parameter_count(measured_network(task.network, task.image_px)));
  const int sharing = task.ranks > 1 ? 2 : 1;
  const double one_way_s = gradient_bytes / (pcie_bytes_per_s(setting.wiring.pcie_generation) / sharing);
  const double adding_s = task.ranks * 3 * gradient_bytes / (40 * GB);
  time.communication_s = 2 * one_way_s + adding_s;
  time.step_s = std::max(time.forward_s, one_way_s) + std::max(time.compute_s - time.forward_s, one_way_s + adding_s);
  return time;
}

StepTime step_by_strategy(const MeasuredTask& task, const Setting& setting) {
  switch (task.strategy) {
    case Strategy::servers: return server_step(task, setting);
    case Strategy::pipeline:
    case Strategy::layers: return pipeline_step(task, setting);
    case Strategy::replicated_stage: return replicated_stage_step(task, setting);
    default: break;
  }
  StepTime time = planned_step(task, setting);
  if (task.classes > 0) add_class_layer(time, task, setting);
  return time;
}

}  // namespace

CostModel costs_of(const Model& model, const MeasuredTask& task, const Setting& setting) {
  KernelMachine kernels = kernel_machine(setting.hardware.device, *setting.hardware.gpu, task.precision);
  kernels.converts_layout = task.channels_first;
  kernels.launch_s = 0;  // IssuingHost counts it
  kernels.fuses = framework_of(task.framework).fuses;
  const int cudnn = cudnn_version(task.framework);
  kernels.winograd = cudnn == 0 || cudnn >= 5;
  // From 5 on Winograd's algorithm is faster for 3x3, and of larger windows next to none is left to Fourier transforms: one of 26
  // in DeepBench's column of algorithms.
  kernels.fft = cudnn == 3 || cudnn == 4;
  kernels.image_by_image = cudnn == 0 && task.framework.starts_with("Caffe") && !task.framework.starts_with("Caffe2");
  return kernel_costs(model, kernels);
}

StepTime time_of_step(const MeasuredTask& task, const Setting& setting) {
  // Rows of a case ask for several metrics of one step.
  static std::map<std::tuple<MeasuredTask, std::string, int, bool>, StepTime> known;
  const auto key = std::tuple{task, setting.hardware.id, static_cast<int>(setting.wiring.nic_bytes_per_s / 1e6),
                              simulates_steps(setting.fidelity)};
  const auto found = known.find(key);
  return found != known.end() ? found->second : known[key] = step_by_strategy(task, setting);
}

}  // namespace convoy
