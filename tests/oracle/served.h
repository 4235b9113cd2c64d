/// Plans with parameter servers, and what their runs are compared by: what all ranks keep, bit by bit.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "reference/core/error.h"
#include "tests/oracle/compare.h"

namespace convoy::tests {

inline Plan served(const PlanServers& servers, int workers, int batch) {
  return make_plan("parameter_server",
                   {.ranks = workers + (servers.own_ranks ? servers.count : 0), .global_batch = batch, .servers = servers});
}

/// Servers in a mode, with settings that it needs.
inline PlanServers in_mode(PlanServers servers, const ServeMode& mode, int workers) {
  servers.mode = mode.name;
  servers.accept = mode.name == "backup" ? std::max(1, workers - 1) : 0;
  servers.bound = mode.name == "ssp" ? 1 : 0;
  return servers;
}

/// Gives a memory what its rank has at the start of training.
inline void start_training(RankMemory& memory, const Training& t, const Schedule& schedule, int rank) {
  const ModelValues start = initial_values(t.model, t.settings.seed);
  memory.bind(schedule.program(rank));
  set_weights(memory, t.model, schedule, rank, start.weights);
  write_values(memory, "running_statistics", local_states(t.model, schedule, rank, start.states));
}

/// Memories of all ranks at the start of training.
inline std::vector<RankMemory> memories_of(const Training& t, const Schedule& schedule) {
  std::vector<RankMemory> memories(static_cast<std::size_t>(schedule.world_size()));
  for (int r = 0; r < schedule.world_size(); ++r) start_training(memories[static_cast<std::size_t>(r)], t, schedule, r);
  return memories;
}

/// Fast kernels, and a learning rate that depends on the step.
inline ComputeSettings falling_rate(const Training& t) {
  ComputeSettings settings;
  settings.kernels = Kernels::fast;
  settings.seed = t.settings.seed;
  settings.sgd = [&t](std::int64_t step) {
    cpu::SgdSettings sgd = t.settings.sgd;
    sgd.learning_rate /= static_cast<double>(1 + step);
    return sgd;
  };
  return settings;
}

/// The same on workers that are slow now and then, each in its own steps.
inline ComputeFn with_stragglers(CpuCompute& compute) {
  return [&compute](const ComputeCall& call) {
    const bool begins = call.compute.kind == ComputeKind::zero;
    if (begins && (call.iteration * 3 + call.rank) % 4 == 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(1 + call.rank));
    compute.run(call);
  };
}

/// All that a rank keeps from step to step, in the order of its buffers, as bits.
inline std::vector<double> kept_bits(const Schedule& schedule, int rank, const RankMemory& memory) {
  std::vector<double> bits;
  for (const Buffer& buffer : schedule.program(rank).buffers)
    if (is_persistent(buffer.kind))
      for (const std::uint32_t word : memory.persistent<std::uint32_t>(buffer.name)) bits.push_back(word);
  return bits;
}

/// The first rank that keeps other bits; "" when none does.
inline std::string difference(const Schedule& schedule, const std::vector<RankMemory>& a, const std::vector<RankMemory>& b) {
  for (int r = 0; r < schedule.world_size(); ++r)
    if (kept_bits(schedule, r, a[static_cast<std::size_t>(r)]) != kept_bits(schedule, r, b[static_cast<std::size_t>(r)]))
      return cat("rank ", r);
  return "";
}

/// What is wrong with a record of a run; "" when nothing is.
inline std::string wrong_record(const std::vector<ServedPush>& pushes, const PlanServers& servers, int workers, int steps) {
  const ServingSummary summary = summary_of(pushes);
  if (std::ssize(pushes) != std::int64_t{workers} * steps * servers.count) return cat(pushes.size(), " pushes");
  if (serve_mode(servers.mode).whole_batch && summary.max_staleness != 0) return "stale gradients";
  if (servers.mode == "backup" && summary.updates != steps * servers.count) return cat(summary.updates, " updates");
  if (servers.mode != "ssp") return "";
  if (summary.max_ahead > servers.bound) return cat(summary.max_ahead, " iterations ahead");
  return summary.max_staleness <= (workers - 1) * (2 * servers.bound + 1) ? "" : cat("stale by ", summary.max_staleness);
}

inline const std::vector<PlanServers>& places() {
  static const std::vector<PlanServers> all = {
      {.count = 1}, {.count = 2}, {.count = 1, .own_ranks = true}, {.count = 3, .own_ranks = true}};
  return all;
}

/// How pushes may travel.
inline const std::vector<Compression>& compressions() {
  static const std::vector<Compression> all = {{"none"}, {"top_k", 0.1}, {"int8"}};
  return all;
}

}  // namespace convoy::tests
