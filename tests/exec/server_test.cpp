/// Parameter servers on threads, with whole numbers for gradients, so that every order of adding gives the same: nothing is lost,
/// nothing counts twice, in any mode. Runs under the thread sanitizer.
#include <algorithm>
#include <span>

#include "reference/exec/exec.h"
#include "reference/exec/replay.h"
#include "reference/model/builder.h"
#include "reference/plans/plan.h"
#include "reference/plans/served_schedule.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

constexpr int kWorkers = 4;
constexpr int kSteps = 8;

Model two_layers() {
  ModelBuilder net("two_layers", {1, 3, 2, 2}, 3);
  net.add("flatten", Flatten{});
  net.add("fc1", Linear{5});
  net.add("fc2", Linear{3});
  return net.finish();
}

float gradient(int worker, int iteration) { return static_cast<float>((worker + 1) * (iteration + 1)); }

/// Gradients are gradient(worker, iteration) everywhere; an update takes them off.
void compute(const ComputeCall& call) {
  const auto elements = [&](const Operand& operand) {
    return std::span(call.memory.at<float>(operand.region), static_cast<std::size_t>(operand.region.slice.count));
  };
  const auto& operands = call.compute.operands;
  if (call.compute.kind == ComputeKind::update) {
    const std::span<float> weights = elements(operands.at(0)), gradients = elements(operands.at(1));
    for (std::size_t i = 0; i < weights.size(); ++i) weights[i] -= gradients[i];
    return;
  }
  for (const Operand& operand : operands)
    if (call.compute.kind == ComputeKind::zero)
      std::ranges::fill(elements(operand), 0.0F);
    else if (operand.role == Role::weight_gradient || operand.role == Role::bias_gradient)
      for (float& g : elements(operand)) g += gradient(call.rank, call.iteration);
}

struct Run {
  Schedule schedule;
  std::vector<RankMemory> memories;
  Timeline timeline;
};

Run run(const PlanServers& servers) {
  const Plan plan = make_plan("parameter_server", {.ranks = kWorkers + (servers.own_ranks ? servers.count : 0),
                                                   .global_batch = 2 * kWorkers,
                                                   .servers = servers});
  Run done{make_schedule(two_layers(), plan), {}, {}};
  done.memories.resize(static_cast<std::size_t>(done.schedule.world_size()));
  done.timeline = run_on_threads(done.schedule, kSteps, done.memories, compute, {.poison = true});
  return done;
}

}  // namespace

TEST_CASE("servers on threads take every push once, in every mode") {
  for (const PlanServers& place : {PlanServers{.count = 1}, PlanServers{.count = 4}, PlanServers{.count = 3, .own_ranks = true}})
    for (const ServeMode& mode : serve_modes()) {
      PlanServers servers = place;
      servers.mode = mode.name;
      servers.accept = mode.name == "backup" ? kWorkers : 0;
      servers.bound = mode.name == "ssp" ? 2 : 0;
      Run done = run(servers);
      CAPTURE(place.count, place.own_ranks, mode.name);
      REQUIRE(check_timeline(done.schedule, kSteps, done.timeline).empty());
      float expected = 0;
      for (int worker = 0; worker < kWorkers; ++worker)
        for (int i = 0; i < kSteps; ++i) expected -= gradient(worker, i);
      std::size_t kept = 0;
      for (const RankMemory& memory : done.memories) {
        if (!memory.has(kServerWeights)) continue;
        for (const float w : memory.persistent<float>(kServerWeights)) REQUIRE(w == expected);
        kept += memory.persistent<float>(kServerWeights).size();
      }
      REQUIRE(kept == 12 * 5 + 5 + 5 * 3 + 3);
      REQUIRE(done.timeline.pushes.size() == static_cast<std::size_t>(kWorkers * kSteps * servers.count));
      if (mode.whole_batch)
        for (int worker = 0; worker < kWorkers; ++worker)
          for (const float w : done.memories[static_cast<std::size_t>(worker)].persistent<float>("weights")) REQUIRE(w == expected);
      std::vector<RankMemory> again(done.memories.size());
      replay(done.schedule, kSteps, done.timeline.pushes, again, compute);
      for (std::size_t r = 0; r < again.size(); ++r)
        if (again[r].has("weights"))
          REQUIRE(std::ranges::equal(again[r].persistent<float>("weights"), done.memories[r].persistent<float>("weights")));
    }
}

TEST_CASE("a worker that never pushes stops its server with its name") {
  const Plan plan = make_plan("parameter_server", {.ranks = 3, .global_batch = 3, .servers = {.count = 1, .own_ranks = true}});
  Schedule schedule = make_schedule(two_layers(), plan);
  schedule.programs.push_back(schedule.program(1));
  schedule.class_of[1] = static_cast<int>(schedule.programs.size()) - 1;
  for (Op& op : schedule.programs.back().ops)
    if (std::holds_alternative<Exchange>(op.action)) op.action = Compute{ComputeKind::join, -1, {}, {}};
  std::vector<RankMemory> memories(3);
  std::string message;
  try {
    run_on_threads(schedule, 2, memories, compute, {.check = false, .time_out_s = 0.3});
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  REQUIRE(message.find("waited 0.3 s for rank") != std::string::npos);
}
