#include "simulator/faults/faults.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reference/core/error.h"
#include "reference/core/random.h"

namespace convoy {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

/// Failures of one kind, in a second.
double rate(int parts, double mtbf_s) { return mtbf_s > 0 ? parts / mtbf_s : 0; }

/// When the next failure comes, and of what.
class Failures {
 public:
  explicit Failures(const FailingRun& run)
      : mtbf_s_(mtbf_s(run.fragile)),
        node_share_(rate(run.fragile.nodes, run.fragile.node_mtbf_s) * mtbf_s_),
        random_(run.seed) {
    next_s_ = draw_s();
  }
  [[nodiscard]] double next_s() const { return next_s_; }
  void happen(FailingRunTimes& times) {
    ++(random_.uniform() < node_share_ ? times.node_failures : times.link_failures);
    constexpr std::int64_t kMost = 10'000'000;
    if (times.node_failures + times.link_failures > kMost)
      throw LimitError(cat("after ", kMost, " failures the run is still not done: with a failure every ", mtbf_s_,
                           " s it hardly advances; write checkpoints more often, or faster"));
    next_s_ += draw_s();
  }

 private:
  double draw_s() { return std::isfinite(mtbf_s_) ? -mtbf_s_ * std::log1p(-random_.uniform()) : kNever; }
  double mtbf_s_;
  double node_share_;
  Random random_;
  double next_s_ = 0;
};

}  // namespace

double mtbf_s(const Fragile& fragile) {
  const double all = rate(fragile.nodes, fragile.node_mtbf_s) + rate(fragile.links, fragile.link_mtbf_s);
  return all > 0 ? 1 / all : kNever;
}

double young_interval_s(double write_s, double mtbf_s) { return std::sqrt(2 * write_s * mtbf_s); }

double daly_interval_s(double write_s, double mtbf_s) {
  if (write_s >= 2 * mtbf_s) return mtbf_s;
  const double ratio = write_s / (2 * mtbf_s);
  return young_interval_s(write_s, mtbf_s) * (1 + std::sqrt(ratio) / 3 + ratio / 9) - write_s;
}

double expected_goodput(double interval_s, const CheckpointCost& cost, double mtbf_s) {
  if (!std::isfinite(mtbf_s)) return interval_s / (interval_s + cost.write_s);
  return interval_s / (mtbf_s * std::exp(cost.restart_s / mtbf_s) * std::expm1((interval_s + cost.write_s) / mtbf_s));
}

double best_interval_s(const CheckpointCost& cost, double mtbf_s) {
  if (!std::isfinite(mtbf_s)) return kNever;
  // The best interval is below M, whatever C: x / (exp(x + c) - 1) falls beyond x = 1. Golden section on its logarithm.
  const double golden = (std::sqrt(5.0) - 1) / 2;
  double low = std::log(mtbf_s * 1e-9), high = std::log(mtbf_s * 1.01);
  const auto value = [&](double at) { return expected_goodput(std::exp(at), cost, mtbf_s); };
  for (int i = 0; i < 100; ++i) {
    const double left = high - golden * (high - low), right = low + golden * (high - low);
    (value(left) < value(right) ? low : high) = value(left) < value(right) ? left : right;
  }
  return std::exp((low + high) / 2);
}

FailingRunTimes simulate_failures(const FailingRun& run) {
  require(run.step_s > 0 && run.steps >= 1 && run.checkpoint_every >= 1, "simulate_failures", run.steps, " steps of ", run.step_s,
          " s, a checkpoint every ", run.checkpoint_every);
  require(run.cost.write_s >= 0 && run.cost.restart_s >= 0, "simulate_failures", "a checkpoint takes ", run.cost.write_s,
          " s, a restart ", run.cost.restart_s);
  FailingRunTimes times;
  Failures failures(run);
  for (std::int64_t saved = 0; saved < run.steps;) {
    const std::int64_t steps = std::min(run.checkpoint_every, run.steps - saved);
    const double work_s = static_cast<double>(steps) * run.step_s;
    const double end_s = times.time_s + work_s + run.cost.write_s;
    if (end_s <= failures.next_s()) {
      times.useful_s += work_s;
      times.checkpoint_s += run.cost.write_s;
      times.time_s = end_s;
      saved += steps;
      continue;
    }
    times.lost_s += failures.next_s() - times.time_s;
    times.time_s = failures.next_s();
    failures.happen(times);
    double back_s = times.time_s + run.cost.restart_s;
    while (failures.next_s() < back_s) {
      back_s = failures.next_s() + run.cost.restart_s;
      failures.happen(times);
    }
    times.restart_s += back_s - times.time_s;
    times.time_s = back_s;
  }
  return times;
}

}  // namespace convoy
