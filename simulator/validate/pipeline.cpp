#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "reference/plans/plan.h"
#include "simulator/validate/networks/networks.h"
#include "simulator/validate/step.h"

// Pipelines by formula, no schedule: the network is cut between nodes so that the slowest stage is as fast as can be, whatever
// way the source cut it. With m micro-batches whose stages take t_1 ... t_p, one travels through all stages and the others follow
// at the pace of the slowest:
//   step = t_1 + ... + t_p + (m - 1) max t + update,   t = forward + backward + what is done again + messages to the next stage
// which is (m + p - 1) t where all stages take as long.

namespace convoy {
namespace {

/// Seconds of one micro-batch in consecutive nodes.
struct Part {
  double forward_s = 0;
  double backward_s = 0;
  double update_s = 0;
  double weights = 0;  ///< learned values
  [[nodiscard]] double both_s() const { return forward_s + backward_s; }
};

struct Costs {
  std::vector<Part> nodes;
  std::vector<double> sent_bytes;  ///< by every node of its output, for one micro-batch
};

Costs costs_of_nodes(const Model& model, const MeasuredTask& task, const Setting& setting, int images) {
  Plan plan = make_plan("data", {.ranks = 1, .global_batch = images});
  const Schedule schedule = make_schedule(model, plan);
  const CostModel cost = costs_of(model, task, setting);
  Costs costs{std::vector<Part>(model.nodes.size()), {}};
  for (const Op& op : schedule.programs.front().ops) {
    const auto* compute = std::get_if<Compute>(&op.action);
    if (compute == nullptr || compute->node < 0) continue;
    Part& part = costs.nodes[static_cast<std::size_t>(compute->node)];
    const double time_s = cost.compute_s(schedule.programs.front(), op, *compute);
    const bool forward = compute->kind == ComputeKind::forward || compute->kind == ComputeKind::statistics;
    (forward ? part.forward_s : part.backward_s) += time_s;
  }
  for (const Parameter& parameter : parameters(model)) {
    Part& part = costs.nodes[static_cast<std::size_t>(parameter.node)];
    part.weights += static_cast<double>(parameter.shape.count());
    // Weights, gradient and momentum are read, weights and momentum written.
    part.update_s += 20.0 * static_cast<double>(parameter.shape.count()) / setting.hardware.device.memory_bandwidth_bytes_per_s;
  }
  const double element_bytes = task.precision == "fp16" || task.precision == "amp" || task.precision == "bf16" ? 2 : 4;
  for (const Shape& shape : output_shapes(model, images))
    costs.sent_bytes.push_back(static_cast<double>(shape.count()) * element_bytes);
  return costs;
}

/// The first node of every stage but the first, such that no stage takes longer than this; nothing when that needs more stages.
std::vector<std::size_t> cuts_within(const std::vector<Part>& nodes, double most_s, int stages) {
  std::vector<std::size_t> cuts;
  double stage_s = 0;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    if (stage_s > 0 && stage_s + nodes[i].both_s() > most_s) {
      cuts.push_back(i);
      stage_s = 0;
    }
    stage_s += nodes[i].both_s();
  }
  if (static_cast<int>(cuts.size()) >= stages) cuts.assign(1, nodes.size());
  return cuts;
}

std::vector<std::size_t> best_cuts(const std::vector<Part>& nodes, int stages) {
  double low_s = 0;
  double high_s = 0;
  for (const Part& part : nodes) {
    low_s = std::max(low_s, part.both_s());
    high_s += part.both_s();
  }
  std::vector<std::size_t> cuts = cuts_within(nodes, high_s, stages);
  for (int i = 0; i < 40; ++i) {
    const double middle_s = (low_s + high_s) / 2;
    const std::vector<std::size_t> tried = cuts_within(nodes, middle_s, stages);
    const bool fits = tried.empty() || tried.front() < nodes.size();
    (fits ? high_s : low_s) = middle_s;
    if (fits) cuts = tried;
  }
  return cuts;
}

Part sum_of(const std::vector<Part>& nodes, std::size_t begin, std::size_t end) {
  Part sum;
  for (std::size_t i = begin; i < end; ++i) {
    sum.forward_s += nodes[i].forward_s;
    sum.backward_s += nodes[i].backward_s;
    sum.update_s += nodes[i].update_s;
    sum.weights += nodes[i].weights;
  }
  return sum;
}

double message_s(double bytes, const MeasuredTask& task, const Setting& setting) {
  const bool between = task.nodes > 1 && setting.wiring.fabric != FabricKind::none;
  return message_time_s(Library::nccl, bytes, between, 1, setting.wiring);
}

}  // namespace

int micro_batches_of(const MeasuredTask& task) {
  if (task.strategy == Strategy::layers) return 1;
  const int wanted = task.micro_batches > 0 ? task.micro_batches : 4 * task.stages;
  return std::clamp(wanted, 1, task.global_batch);
}

StepTime pipeline_step(const MeasuredTask& task, const Setting& setting) {
  if (task.stages < 1 || task.ranks != task.stages) throw NotDone(cat(task.stages, " stages on ", task.ranks, " GPUs"));
  const Model model = measured_network(task.network, task.image_px);
  const int micro_batches = micro_batches_of(task);
  const int images = (task.global_batch + micro_batches - 1) / micro_batches;
  const Costs costs = costs_of_nodes(model, task, setting, images);
  std::vector<std::size_t> bounds = {0};
  for (const std::size_t cut : best_cuts(costs.nodes, task.stages)) bounds.push_back(cut);
  bounds.push_back(costs.nodes.size());
  // GPipe does the forward pass of all micro-batches but the last again (torchgpipe: checkpoint='except_last').
  const double again = task.recompute && micro_batches > 1 ? (micro_batches - 1.0) / micro_batches : 0.0;
  StepTime time;
  double slowest_s = 0;
  double through_s = 0;
  double update_s = 0;
  for (std::size_t i = 0; i + 1 < bounds.size(); ++i) {
    const Part stage = sum_of(costs.nodes, bounds[i], bounds[i + 1]);
    const bool last = i + 2 == bounds.size();
    const double sent_s = last ? 0.0 : 2 * message_s(costs.sent_bytes[bounds[i + 1] - 1], task, setting);
    const double stage_s = stage.both_s() + again * stage.forward_s;
    slowest_s = std::max({slowest_s, stage_s, sent_s});
    through_s += stage_s + sent_s;
    update_s = std::max(update_s, stage.update_s);
    time.forward_s += micro_batches * stage.forward_s;
    time.backward_s += micro_batches * stage.backward_s;
    time.communication_s += micro_batches * sent_s;
  }
  time.compute_s = micro_batches * slowest_s + update_s;
  time.step_s = through_s + (micro_batches - 1) * slowest_s + update_s;
  return time;
}

/// PipeDream without flushes (Narayanan et al. 2019): two stages, the first on r of n GPUs and the second on the others; a GPU of
/// a stage with r replicas has every r-th batch, after which the replicas add up their gradients. The pace is that of the slower
/// stage or of its communication; the best cut and the best r count.
StepTime replicated_stage_step(const MeasuredTask& task, const Setting& setting) {
  const Model model = measured_network(task.network, task.image_px);
  const int images = std::max(1, task.global_batch / task.ranks);
  const Costs costs = costs_of_nodes(model, task, setting, images);
  const int per_node = std::max(1, task.ranks / task.nodes);
  const auto pace_s = [&](const Part& stage, int replicas) {
    if (replicas == 1) return stage.both_s() + stage.update_s;
    const Placing placing{std::max(1, replicas / per_node), std::min(replicas, per_node)};
    const double gradients_s =
        library_time(Library::nccl, CollectiveKind::all_reduce, 4 * stage.weights, placing, setting.wiring).time_s;
    return std::max(stage.both_s() + stage.update_s, gradients_s) / replicas;
  };
  double best_s = pace_s(sum_of(costs.nodes, 0, costs.nodes.size()), task.ranks);
  for (std::size_t cut = 1; cut < costs.nodes.size() && task.ranks > 1; ++cut) {
    const Part first = sum_of(costs.nodes, 0, cut);
    const Part second = sum_of(costs.nodes, cut, costs.nodes.size());
    const double sent_s = 2 * message_s(costs.sent_bytes[cut - 1], task, setting);
    for (int replicas = 1; replicas < task.ranks; ++replicas) {
      const double sending_s = sent_s / std::min(replicas, task.ranks - replicas);
      best_s = std::min(best_s, std::max({pace_s(first, replicas), pace_s(second, task.ranks - replicas), sending_s}));
    }
  }
  StepTime time;
  time.step_s = best_s * task.ranks;  // global_batch images: one batch for each GPU
  time.compute_s = std::min(time.step_s, sum_of(costs.nodes, 0, costs.nodes.size()).both_s());
  return time;
}

}  // namespace convoy
