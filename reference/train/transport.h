/// Transport: how the ranks of a run reach each other, as the training loop and the measurements see it.
///
/// A run is over "the ranks of this process": with threads these are all ranks, with MPI it is one. What is different between the
/// two is in this value and nowhere else.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reference/collectives/choose.h"
#include "reference/exec/exec.h"
#include "reference/schedule/schedule.h"

namespace convoy {

/// Seconds on a clock that never jumps.
inline double steady_now_s() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

/// Every function is called by all processes, in the same order.
struct Transport {
  std::string name;         ///< "threads", "mpi", "smpi"
  std::string collectives;  ///< who carries them out: "ours" (rounds of messages), "library" (MPI's own)
  int world_size = 1;
  std::vector<int> ranks;  ///< of this process, in increasing order
  /// Cores a rank keeps busy while one of its messages moves; nothing: to be measured.
  std::optional<double> communication_cores;
  /// For choices of algorithms (Plan::all_reduce = auto): how ranks lie on nodes, and links of a usual speed. They are not
  /// measured, so that the same command always makes the same choices and comes to the same weights.
  GroupTopology topology;
  /// Runs a schedule; memories are those of `ranks`, in their order. The process with rank 0 gets the timeline of all ranks.
  std::function<Timeline(const Schedule&, int iterations, std::vector<RankMemory>&, const ComputeFn&, const RunOptions&)> run;
  /// Sum over all processes, element by element, in order of their ranks; all get it.
  std::function<std::vector<double>(const std::vector<double>&)> sum;
  /// The values of one rank, where rank 0 is; nothing elsewhere. Only the argument of the process with that rank counts.
  std::function<std::vector<double>(int rank, std::vector<double>)> to_root;
  /// Throws InputError everywhere when the text is not the same in all processes; `what` names it.
  std::function<void(const std::string& what, const std::string& text)> require_agreement;
  /// The same over ranks 0 to count-1 alone; null in processes that have none of them.
  std::function<std::shared_ptr<const Transport>(int count)> first;

  /// Seconds on the clock that the run is measured with; the steady one, but where ranks are simulated.
  std::function<double()> now_s = steady_now_s;

  /// Whether rank 0 is in this process, which then prints and writes results.
  [[nodiscard]] bool has_root() const { return !ranks.empty() && ranks.front() == 0; }
  /// A value of the process with rank 0, in all of them.
  [[nodiscard]] double from_root(double value) const { return sum({has_root() ? value : 0.0}).at(0); }
};

/// What auto takes links between threads, between processes of one host and between hosts for. Threads: as two-core-machine.yaml has
/// them; processes: docs/measurements/2026-11-26-links.md, rounded; hosts: 10 Gbit/s Ethernet.
inline constexpr LinkModel kThreadsLink{.latency_s = 22e-6, .bandwidth_bytes_per_s = 12.5e9};
inline constexpr LinkModel kProcessesLink{.latency_s = 5e-6, .bandwidth_bytes_per_s = 3e9};
inline constexpr LinkModel kHostsLink{.latency_s = 50e-6, .bandwidth_bytes_per_s = 1.25e9};

/// All ranks in this process, each with a thread for every stream.
Transport threads_transport(int ranks);

}  // namespace convoy
