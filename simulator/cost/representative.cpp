#include "simulator/cost/representative.h"

#include <algorithm>
#include <set>
#include <vector>

#include "reference/core/error.h"
#include "simulator/cost/nccl.h"

namespace convoy {
namespace {

class Walk {
 public:
  Walk(const Schedule& schedule, const CostModel& cost, const Machine& machine, const std::function<bool(int)>& is_convolution)
      : schedule_(schedule), cost_(cost), machine_(machine), is_convolution_(is_convolution), rank_(busiest_rank()) {}

  StepTime run() {
    for (const Op& op : program().ops) {
      if (updates(op)) ++updates_;
      if (packs(op)) ++packed_;
    }
    for (const Op& op : program().ops) seconds_.push_back(time_of(op));
    time_.forward_s = std::max(time_.forward_s, issuing_.forward_s);
    time_.backward_s = std::max(time_.backward_s, issuing_.backward_s);
    time_.compute_s = std::max(time_.compute_s, issuing_.compute_s);
    std::vector<double> free_s(static_cast<std::size_t>(program().stream_count()), 0.0);
    double host_s = 0;
    const double first_s = iterate(free_s, host_s);
    const double second_s = iterate(free_s, host_s);
    time_.step_s = second_s - first_s;
    // Communication beside compute slows it by the multiprocessors it holds.
    const double hidden_s = std::max(0.0, time_.communication_s - time_.exposed_s());
    time_.step_s += std::min(hidden_s, time_.compute_s) * machine_.occupied;
    // A program that waits at every collective counts what its host needs afterwards to get the GPU going again as compute.
    if (machine_.host.waits) time_.compute_s = std::max(time_.compute_s, time_.step_s - time_.communication_s);
    return time_;
  }

 private:
  [[nodiscard]] const Program& program() const { return schedule_.program(rank_); }

  [[nodiscard]] int busiest_rank() const {
    std::vector<double> seconds;
    for (const Program& program : schedule_.programs) {
      seconds.push_back(0);
      for (const Op& op : program.ops)
        if (const auto* compute = std::get_if<Compute>(&op.action)) seconds.back() += cost_.compute_s(program, op, *compute);
    }
    const auto most = std::max_element(seconds.begin(), seconds.end()) - seconds.begin();
    return static_cast<int>(std::find(schedule_.class_of.begin(), schedule_.class_of.end(), most) - schedule_.class_of.begin());
  }

  static bool updates(const Op& op) {
    const auto* compute = std::get_if<Compute>(&op.action);
    return compute != nullptr && compute->kind == ComputeKind::update;
  }
  /// Collectives of gradients have stream 1 to themselves (docs/architecture.md, Streams).
  static bool packs(const Op& op) { return std::holds_alternative<Collective>(op.action) && op.stream == 1; }

  /// What the host needs for an op that takes the GPU so long; nothing for one that is none to it.
  [[nodiscard]] double issue_s(const Op& op, double time_s) const {
    if (!(time_s > 0)) return 0;
    return updates(op) && machine_.host.update_s > 0 ? machine_.host.update_s / updates_ : machine_.host.issue_s;
  }

  static void count(StepTime& time, const Compute& compute, double time_s) {
    time.compute_s += time_s;
    if (compute.kind == ComputeKind::forward || compute.kind == ComputeKind::statistics) time.forward_s += time_s;
    if (compute.kind == ComputeKind::backward_input || compute.kind == ComputeKind::backward_weights ||
        compute.kind == ComputeKind::gradient_statistics)
      time.backward_s += time_s;
  }

  double time_of(const Op& op) {
    if (const auto* compute = std::get_if<Compute>(&op.action)) {
      const double time_s = cost_.compute_s(program(), op, *compute);
      count(time_, *compute, time_s);
      count(issuing_, *compute, issue_s(op, time_s));
      if (is_convolution_ && compute->node >= 0 && is_convolution_(compute->node)) time_.convolution_s += time_s;
      return time_s;
    }
    require(!std::holds_alternative<Serve>(op.action), "representative", "servers have to be simulated");
    double time_s = std::holds_alternative<Exchange>(op.action) ? exchange_s(std::get<Exchange>(op.action))
                                                                : collective_s(std::get<Collective>(op.action));
    if (packs(op) && time_s > 0) time_s += machine_.host.pack_s / packed_;
    time_.communication_s += time_s;
    return time_s;
  }

  [[nodiscard]] double exchange_s(const Exchange& exchange) const {
    double time_s = 0;
    for (const std::optional<Message>& message : {exchange.send, exchange.recv}) {
      if (!message) continue;
      const int peer = schedule_.mesh.neighbour(rank_, message->peer.axis, message->peer.offset);
      const bool between = peer / machine_.ranks_per_node != rank_ / machine_.ranks_per_node;
      const auto bytes = static_cast<double>(region_bytes(program(), message->region));
      time_s = std::max(time_s,
                        message_time_s(machine_.library, bytes, between, between ? machine_.ranks_per_node : 1, machine_.wiring));
    }
    return time_s;
  }

  [[nodiscard]] double collective_s(const Collective& collective) const {
    const std::vector<int> members = schedule_.mesh.group(rank_, collective.axis);
    std::set<int> nodes;
    for (const int member : members) nodes.insert(member / machine_.ranks_per_node);
    Placing placing{.nodes = static_cast<int>(nodes.size()), .ranks_per_node = 1};
    placing.ranks_per_node = std::max(1, static_cast<int>(members.size()) / placing.nodes);
    GpuWiring wiring = machine_.wiring;
    if (placing.nodes > 1) wiring.nic_bytes_per_s *= static_cast<double>(placing.ranks_per_node) / machine_.ranks_per_node;
    const auto bytes = static_cast<double>(region_bytes(program(), collective.region));
    if (bytes == 0 || members.size() < 2) return 0;
    return library_time(machine_.library, collective.kind, bytes, placing, wiring, machine_.usage).time_s;
  }

  /// One step after what the streams have done; its last end.
  double iterate(std::vector<double>& free_s, double& host_s) {
    std::vector<double> end_s(seconds_.size(), 0.0);
    for (std::size_t i = 0; i < seconds_.size(); ++i) {
      const Op& op = program().ops[i];
      host_s += issue_s(op, seconds_[i]);
      double start_s = std::max(host_s, free_s[static_cast<std::size_t>(op.stream)]);
      for (const int earlier : op.after) start_s = std::max(start_s, end_s[static_cast<std::size_t>(earlier)]);
      end_s[i] = free_s[static_cast<std::size_t>(op.stream)] = start_s + seconds_[i];
      if (seconds_[i] > 0 && machine_.host.segment > 0 && ++issued_ % machine_.host.segment == 0)
        host_s = std::max(host_s, end_s[i]);
      if (machine_.host.waits && !std::holds_alternative<Compute>(op.action)) host_s = std::max(host_s, end_s[i]);
    }
    return *std::max_element(free_s.begin(), free_s.end());
  }

  const Schedule& schedule_;
  const CostModel& cost_;
  const Machine& machine_;
  const std::function<bool(int)>& is_convolution_;
  int rank_;
  std::vector<double> seconds_;
  StepTime time_;
  StepTime issuing_;  ///< the same on the host
  int updates_ = 0;
  int packed_ = 0;
  std::int64_t issued_ = 0;
};

}  // namespace

StepTime representative_step(const Schedule& schedule, const CostModel& cost, const Machine& machine,
                             const std::function<bool(int node)>& is_convolution) {
  require(!schedule.programs.empty() && !schedule.class_of.empty(), "representative_step", "the schedule has no ranks");
  require(machine.ranks_per_node >= 1, "representative_step", "ranks_per_node must be at least 1, got ", machine.ranks_per_node);
  return Walk(schedule, cost, machine, is_convolution).run();
}

double occupied_part(const GpuWiring& wiring, int sms) {
  const int rings = std::max({1, wiring.nvlinks, wiring.fabric == FabricKind::none ? 0 : wiring.nics});
  return sms > 0 ? std::min(0.5, std::min<double>(2.0 * rings, kMostChannels) / sms) : 0.0;
}

}  // namespace convoy
