/// Parameter servers with data: a synchronous one ends with the bits of an all-reduce in the order of the ranks; whatever the mode,
/// the recorded order of pushes, gone through once more by one thread, ends with the same bits; and bounds hold.
#include "reference/exec/replay.h"
#include "reference/schedule/validate.h"
#include "tests/catch.h"
#include "tests/oracle/models.h"
#include "tests/oracle/mutants.h"
#include "tests/oracle/served.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

/// Runs with stragglers; returns the record.
std::vector<ServedPush> run_with_stragglers(const Training& t, const Schedule& schedule, int steps, std::vector<RankMemory>& memories) {
  CpuCompute compute(t.model, t.data, schedule.world_size(), falling_rate(t));
  const ComputeFn slow = with_stragglers(compute);
  const Timeline timeline = run_on_threads(schedule, steps, memories, slow, {.poison = true, .time_out_s = 60});
  REQUIRE(check_timeline(schedule, steps, timeline) == std::vector<std::string>{});
  REQUIRE(miscounted(t.model, schedule, steps, timeline).empty());
  return timeline.pushes;
}

}  // namespace

TEST_CASE("a synchronous server ends with the same bits as an all-reduce in the order of the ranks") {
  for (const Model& model : {small_lenet(), short_resnet()})
    for (const int workers : {2, 3, 4}) {
      const Training t = training_of(model, 9, 4);
      Plan data = make_plan("data", {.ranks = workers, .global_batch = 9});
      data.all_reduce = "linear";
      data.bucket_bytes = 2000;
      for (const Kernels kernels : {Kernels::naive_f64, Kernels::fast}) {
        data.dtype = dtype_of(kernels);
        const PlannedRun expected = run_planned(make_schedule(model, data), model, t.data, t.settings, {.kernels = kernels});
        for (const PlanServers& servers : places())
          for (const bool overlap : {true, false}) {
            Plan plan = served(servers, workers, 9);
            plan.dtype = data.dtype;
            plan.overlap = overlap;
            const Schedule schedule = make_schedule(model, plan);
            REQUIRE(validate(schedule).empty());
            const PlannedRun got = run_planned(schedule, model, t.data, t.settings, {.kernels = kernels});
            CAPTURE(model.name, workers, servers.count, servers.own_ranks, overlap);
            REQUIRE(got.values.weights == expected.values.weights);
            REQUIRE(got.values.states == expected.values.states);
            REQUIRE(got.replicas_agree);
            REQUIRE(got.breaches.empty());
            REQUIRE(got.miscounted == "");
          }
      }
    }
}

TEST_CASE("the recorded order of pushes, replayed by one thread, ends with the same bits") {
  constexpr int kWorkers = 3;
  constexpr int kSteps = 6;
  int dropped = 0, runs = 0;
  for (const Model& model : {small_lenet(), short_resnet()})
    for (const PlanServers& place : places())
      for (const ServeMode& mode : serve_modes()) {
        const PlanServers servers = in_mode(place, mode, kWorkers);
        const Training t = training_of(model, 8, kSteps);
        Plan plan = served(servers, kWorkers, 8);
        plan.compression = compressions().at(static_cast<std::size_t>(runs++ % 3));
        const Schedule schedule = make_schedule(model, plan);
        std::vector<RankMemory> run = memories_of(t, schedule), again = memories_of(t, schedule);
        const std::vector<ServedPush> pushes = run_with_stragglers(t, schedule, kSteps, run);
        CpuCompute compute(t.model, t.data, schedule.world_size(), falling_rate(t));
        const ComputeFn function = compute.function();
        replay(schedule, kSteps, pushes, again, function);
        CAPTURE(model.name, servers.count, servers.own_ranks, mode.name, plan.compression.method);
        REQUIRE(difference(schedule, run, again) == "");
        REQUIRE(wrong_record(pushes, servers, kWorkers, kSteps) == "");
        dropped += summary_of(pushes).dropped;
        // Another order is another run.
        if (mode.name == "async" && servers.count == 1) {
          std::vector<ServedPush> other = pushes;
          std::vector<RankMemory> differs = memories_of(t, schedule);
          for (ServedPush& push : other) push.worker = (push.worker + 1) % kWorkers;
          replay(schedule, kSteps, other, differs, function);
          REQUIRE(difference(schedule, run, differs) != "");
        }
      }
  REQUIRE(dropped > 0);
}

TEST_CASE("a record that is not one of the run is refused") {
  const Training t = training_of(small_lenet(), 4, 2);
  const Schedule schedule = make_schedule(t.model, served({.count = 1, .mode = "async"}, 2, 4));
  std::vector<RankMemory> memories = memories_of(t, schedule);
  std::vector<ServedPush> pushes = run_with_stragglers(t, schedule, 2, memories);
  CpuCompute compute(t.model, t.data, schedule.world_size(), falling_rate(t));
  const ComputeFn function = compute.function();
  pushes.pop_back();
  REQUIRE_THROWS_AS(replay(schedule, 2, pushes, memories, function), std::invalid_argument);
}

TEST_CASE("every mutant of a worker's traffic with servers fails the comparison") {
  const Training t = training_of(small_lenet(), 6, 2);
  Plan plan = served({.count = 2}, 3, 6);
  plan.dtype = DType::f64;
  const Schedule good = make_schedule(t.model, plan);
  const std::vector<double> expected = serial_run(t).values.weights;
  int mutants = 0;
  for (const Mutant& mutant : mutants_of(good, {Change::deletion, Change::halving, Change::other_slice, Change::deletion_on_one_class})) {
    const Outcome outcome = outcome_of(mutant.schedule, [&](double time_out_s) {
      const PlannedRun got = run_planned(mutant.schedule, t.model, t.data, t.settings, {.check = false, .time_out_s = time_out_s});
      return relative_difference(t.model, expected, got) <= 1e-9 && got.replicas_agree;
    });
    CAPTURE(mutant.label, outcome);
    REQUIRE(is_found(outcome));
    ++mutants;
  }
  REQUIRE(mutants >= 12);
  const PlannedRun run = run_planned(good, t.model, t.data, t.settings);
  REQUIRE(relative_difference(t.model, expected, run) <= 1e-9);
}

TEST_CASE("what servers do not go with is refused, with what to type instead") {
  const auto says = [](const PlanServers& servers, int ranks, const char* part) {
    try {
      (void)make_plan("parameter_server", {.ranks = ranks, .global_batch = 4, .servers = servers});
    } catch (const InputError& error) {
      INFO(error.what());
      return std::string(error.what()).find(part) != std::string::npos;
    }
    return false;
  };
  REQUIRE(says({.count = 0}, 2, "--servers 1"));
  REQUIRE(says({.count = 2, .own_ranks = true}, 2, "--ranks 3"));
  REQUIRE(says({.count = 3}, 2, "--servers 2"));
  REQUIRE(says({.count = 1, .mode = "backup", .accept = 5}, 4, "accept 1 to 4"));
  REQUIRE(says({.count = 1, .mode = "ssp", .bound = -1}, 4, "0 or more"));
  REQUIRE(says({.count = 1, .mode = "asinc"}, 4, "did you mean 'async'"));
  Plan plan = served({.count = 1}, 2, 4);
  plan.optimiser = Optimiser::lars;
  REQUIRE_THROWS_AS(make_schedule(small_lenet(), plan), InputError);
  plan.optimiser = Optimiser::sgd;
  plan.gradient_dtype = DType::bf16;
  REQUIRE_THROWS_AS(make_schedule(small_lenet(), plan), InputError);
}
