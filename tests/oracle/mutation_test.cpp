/// The test of the test: with any one communication op of a schedule deleted, scaled or doubled, or sending another slice, the
/// comparison with the serial run fails. Being stopped by a message that does not come counts as failing.
#include <atomic>
#include <iostream>
#include <thread>

#include "tests/catch.h"
#include "tests/oracle/compare.h"
#include "tests/oracle/models.h"
#include "tests/oracle/mutants.h"
#include "tests/oracle/plan_cases.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

/// Two steps, so that stale weights show.
constexpr int kSteps = 2;

struct Trial {
  Training training;
  Plan plan;
  Schedule good;
  Expected expected;
};

Trial trial_of(const Model& model, Plan plan) {
  plan.dtype = DType::f64;
  plan.bucket_bytes = 2000;
  Training training = training_of(model, plan.global_batch, kSteps, loads_pieces(plan) ? 2 * plan.global_batch : 31);
  Schedule good = make_schedule(model, plan);
  set_groups(training.settings, plan, good);
  Expected expected = serial_run(training);
  return {std::move(training), std::move(plan), std::move(good), std::move(expected)};
}

Outcome run(const Trial& trial, const Schedule& schedule) {
  return outcome_of(schedule, [&](double time_out_s) {
    const Training& t = trial.training;
    const PlannedRun got = run_planned(schedule, t.model, t.data, t.settings, {.check = false, .time_out_s = time_out_s});
    const bool weights = relative_difference(t.model, trial.expected.values.weights, got) <= 1e-9;
    const bool statistics = relative_difference(states(t.model), trial.expected.values.states, got.values.states) <= 1e-9;
    return weights && statistics && (trial.plan.at_root || got.replicas_agree);
  });
}

/// Outcomes of all mutants. Those that wait do not compute, so several run at a time.
std::vector<Outcome> run_all(const Trial& trial, const std::vector<Mutant>& mutants) {
  std::vector<Outcome> outcomes(mutants.size());
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < mutants.size(); i = next++) outcomes[i] = run(trial, mutants[i].schedule);
  };
  constexpr int kWorkers = 8;
  std::vector<std::thread> workers;
  for (int w = 0; w < kWorkers; ++w) workers.emplace_back(work);
  for (std::thread& worker : workers) worker.join();
  return outcomes;
}

/// Why a mutant may end with the right weights; empty: it may not.
std::string reason_to_live(const Plan& plan, const Mutant& mutant) {
  if (plan.at_root && mutant.change == Change::deletion && mutant.label.starts_with("running_statistics.broadcast"))
    return "training does not read running statistics, and those of rank 0, which are kept, are not changed";
  return "";
}

/// Runs all mutants of a plan. Returns how many there were.
int every_mutant_fails(const Model& model, const std::string& label, const Plan& plan, const std::vector<Change>& changes) {
  const Trial trial = trial_of(model, plan);
  CAPTURE(model.name, label, plan.overlap, plan.synchronised_statistics);
  REQUIRE(run(trial, trial.good) == Outcome::equal);
  const std::vector<Mutant> mutants = mutants_of(trial.good, changes);
  const std::vector<Outcome> outcomes = run_all(trial, mutants);
  for (std::size_t i = 0; i < mutants.size(); ++i) {
    const std::string reason = reason_to_live(plan, mutants[i]);
    CAPTURE(mutants[i].label, outcomes[i], reason);
    REQUIRE(outcomes[i] != Outcome::late);
    REQUIRE((outcomes[i] == Outcome::equal) == !reason.empty());
    if (mutants[i].change == Change::deletion_on_one_class && reason.empty()) REQUIRE(outcomes[i] == Outcome::stopped);
  }
  return static_cast<int>(mutants.size());
}

/// A plan and the least number of its mutants with which the test means something.
struct MutatedPlan {
  PlanCase plan;
  int at_least;
};

std::vector<MutatedPlan> mutated_plans(int ranks) {
  const auto named = [&](const char* name, ExchangeScheme scheme = ExchangeScheme::a) {
    return named_case(name, {.ranks = ranks, .global_batch = scheme == ExchangeScheme::c ? ranks * ranks : 4, .scheme = scheme});
  };
  const auto hybrid = [](const char* inside) {
    return named_case("hybrid", {.ranks = 4, .global_batch = 3, .split = 2, .inside = inside});
  };
  return {{named("data"), 30},
          {named("data_parallel_root"), 80},
          {named("filter"), 90},
          {named("channel"), 80},
          {named("megatron"), 25},
          {named("spatial"), 110},
          {named("one_weird_trick"), 60},
          {named("one_weird_trick", ExchangeScheme::b), 130},
          {named("one_weird_trick", ExchangeScheme::c), 100},
          {named("pipeline"), 20},
          {piped("1f1b", ranks, 1), 20},
          {piped("interleaved", 2, 2), 40},
          {named_case("hybrid", {.ranks = 8, .global_batch = 7, .split = 2, .inside = "filter", .pipeline = 2}), 100},
          {hybrid("filter"), 110},
          {hybrid("spatial"), 140},
          {by_hand({{"filters", 2}, {"rows", ranks}}, {"filter", "spatial"}, 3), 190}};
}

}  // namespace

TEST_CASE("every mutant of the communication of every plan fails the comparison with the serial run", "[mutants]") {
  const std::vector<Change> everywhere = {Change::deletion, Change::halving, Change::doubling, Change::other_slice};
  int all = 0;
  for (const int ranks : {2, 3})
    for (const MutatedPlan& mutated : mutated_plans(ranks)) {
      int mutants = 0;
      bool overlap = ranks == 2;
      for (const Model& model : {small_lenet(), short_resnet(), branches()}) {
        overlap = !overlap;
        if (loads_pieces(mutated.plan.plan) && model.name == "branches") continue;  // refused, see plans_test.cpp
        Plan plan = mutated.plan.plan;
        plan.overlap = overlap;
        plan.synchronised_statistics = (overlap || loads_pieces(plan)) && !(pipeline_axis(plan) >= 0 && plan.batch_axis >= 0);
        mutants += every_mutant_fails(model, mutated.plan.label, plan, everywhere);
      }
      std::cout << mutants << " mutants of " << mutated.plan.label << "\n";
      CAPTURE(mutated.plan.label);
      REQUIRE(mutants >= mutated.at_least);
      all += mutants;
    }
  std::cout << all << " mutants in all\n";
  REQUIRE(all >= 2500);
}

TEST_CASE("an op that is missing on one class of ranks stops all of them", "[mutants]") {
  int all = 0;
  for (const MutatedPlan& mutated : mutated_plans(3))
    all += every_mutant_fails(small_lenet(), mutated.plan.label, mutated.plan.plan, {Change::deletion_on_one_class});
  std::cout << all << " mutants that wait for ever\n";
  REQUIRE(all >= 120);
}
