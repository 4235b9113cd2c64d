/// Local SGD: training equals a serial emulation; rounds of one step are plan `data`; what is broken is found.
#include <array>

#include "reference/schedule/memory.h"
#include "reference/schedule/validate.h"
#include "tests/catch.h"
#include "tests/oracle/local_sgd.h"
#include "tests/oracle/models.h"
#include "tests/oracle/mutants.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

constexpr std::array momenta = {LocalMomentum::average, LocalMomentum::restart, LocalMomentum::keep};

Plan local_plan(int ranks, int batch, PlanLocal local) {
  Plan plan = make_plan("local_sgd", {.ranks = ranks, .global_batch = batch, .local = local});
  plan.dtype = DType::f64;
  plan.bucket_bytes = 3000;
  return plan;
}

/// Whether a run ends with these values, on all ranks.
bool equal(const Model& model, const ModelValues& expected, const PlannedRun& got) {
  return relative_difference(model, expected.weights, got) <= 1e-9 &&
         relative_difference(states(model), expected.states, got.values.states) <= 1e-9 && got.replicas_agree;
}

}  // namespace

TEST_CASE("training with local steps equals a serial emulation, uneven shares and ranks without images included") {
  int runs = 0;
  for (const Model& model : {small_lenet(), branches(), short_resnet()})
    for (const auto& [ranks, batch] : {std::pair{2, 4}, {2, 7}, {3, 7}, {3, 1}})
      for (const int steps : {1, 2, 3})
        for (const bool overlap : {true, false}) {
          const LocalMomentum momentum = momenta[static_cast<std::size_t>(runs++ % 3)];
          Plan plan = local_plan(ranks, batch, {.steps = steps, .momentum = momentum});
          plan.overlap = overlap;
          const Training t = training_of(model, batch, 2);
          const Schedule schedule = make_schedule(model, plan);
          CAPTURE(model.name, ranks, batch, steps, overlap, to_string(momentum));
          for (const Problem& problem : validate(schedule)) FAIL(to_string(schedule, problem));
          const PlannedRun run = run_planned(schedule, model, t.data, t.settings);
          REQUIRE(equal(model, emulate_local_sgd(t, plan), run));
          REQUIRE(run.miscounted == "");
          REQUIRE(run.breaches.empty());
        }
}

TEST_CASE("rounds of one step are plan data: with momentum averaged or kept, and with plain SGD whatever becomes of it") {
  for (const Model& model : {small_lenet(), branches(), short_resnet()})
    for (const int batch : {6, 7})
      for (const LocalMomentum momentum : momenta) {
        const Plan plan = local_plan(3, batch, {.steps = 1, .momentum = momentum});
        Training t = training_of(model, batch, 4);
        if (momentum == LocalMomentum::restart) t.settings.sgd.momentum = 0;
        const Schedule schedule = make_schedule(model, plan);
        t.settings.statistics_groups = statistics_groups(schedule);
        const Expected data = serial_run(t);
        const PlannedRun run = run_planned(schedule, model, t.data, t.settings);
        CAPTURE(model.name, batch, to_string(momentum));
        REQUIRE(equal(model, data.values, run));
        REQUIRE(run.totals.loss_sum == Approx(data.totals.loss_sum).epsilon(1e-9));
      }
}

TEST_CASE("any algorithm makes the mean, parts of a local step go through one after the other, and memory is that of a step") {
  const Model model = small_lenet();
  Plan plan = local_plan(4, 9, {.steps = 2});
  const Training t = training_of(model, 9, 2);
  const ModelValues expected = emulate_local_sgd(t, plan);
  for (const char* algorithm : {"ring", "linear", "double_binary_tree", "halving_doubling", "auto"}) {
    Plan with = plan;
    with.all_reduce = algorithm;
    if (with.all_reduce == kAutomatic) with.machine = GroupTopology{.ranks_per_node = 2, .in_node = {1e-6, 1e10}, .between_nodes = {1e-5, 1e9}};
    std::vector<AutomaticChoice> choices;
    const Schedule schedule = make_schedule(model, with, Mode::train, &choices);
    CAPTURE(algorithm);
    REQUIRE(choices.empty() == (with.all_reduce != kAutomatic));
    REQUIRE(equal(model, expected, run_planned(schedule, model, t.data, t.settings)));
  }
  Plan parts = plan;
  parts.accumulate = 2;
  REQUIRE(equal(model, expected, run_planned(make_schedule(model, parts), model, t.data, t.settings)));

  const auto arena = [&](const char* name, int batch, PlanLocal local) {
    Plan one = make_plan(name, {.ranks = 2, .global_batch = batch, .local = local});
    return memory_of(make_schedule(model, one).program(0)).arena_bytes;
  };
  REQUIRE(arena("local_sgd", 32, {.steps = 8}) <= arena("data", 32, {}) * 21 / 20);
}

TEST_CASE("every mutant of a mean of weights fails the comparison, and validate finds what is missing") {
  const Model model = small_lenet();
  for (const int ranks : {2, 3}) {
    Plan plan = local_plan(ranks, 7, {.steps = 2});
    plan.overlap = ranks == 2;
    const Training t = training_of(model, 7, 2);
    const ModelValues expected = emulate_local_sgd(t, plan);
    const Schedule good = make_schedule(model, plan);
    std::vector<Mutant> mutants = mutants_of(good, {Change::deletion, Change::halving, Change::doubling});
    REQUIRE(mutants.size() >= 18);
    for (std::size_t op = 0; op < good.programs.front().ops.size(); ++op) {  // weighs, and updates of single steps
      const auto* compute = std::get_if<Compute>(&good.programs.front().ops[op].action);
      if (compute == nullptr || (compute->kind != ComputeKind::weigh && compute->kind != ComputeKind::update)) continue;
      Mutant mutant{cat(good.programs.front().ops[op].name, " deleted"), Change::deletion, good};
      mutants::erase(mutant.schedule.programs.front(), static_cast<int>(op));
      mutants.push_back(std::move(mutant));
    }
    for (const Mutant& mutant : mutants) {
      const Outcome outcome = outcome_of(mutant.schedule, [&](double time_out_s) {
        return equal(model, expected, run_planned(mutant.schedule, model, t.data, t.settings, {.check = false, .time_out_s = time_out_s}));
      });
      CAPTURE(ranks, mutant.label, outcome);
      REQUIRE(outcome == Outcome::wrong);
      if (mutant.label.find("update") == std::string::npos && mutant.change != Change::halving) {
        bool found = false;
        for (const Problem& problem : validate(mutant.schedule)) found = found || problem.rule == "no mean";
        REQUIRE(found);
      }
    }
  }
}

TEST_CASE("validate finds weights that change after they were weighed, and momentum that is neither averaged nor restarted") {
  Plan plan = local_plan(2, 4, {.steps = 2, .momentum = LocalMomentum::restart});
  const Schedule good = make_schedule(small_lenet(), plan);
  const auto finds = [](const Schedule& schedule, const std::string& words) {
    for (const Problem& problem : validate(schedule))
      if (problem.rule == "no mean" && problem.sentence.find(words) != std::string::npos) return true;
    return false;
  };
  Schedule bad = good;
  bad.programs[0].ops[0].action = Compute{ComputeKind::join, -1, {}, {}};  // restart_momentum
  REQUIRE(good.programs[0].ops[0].name == "restart_momentum");
  REQUIRE(finds(bad, "does not become the mean"));
  bad = good;
  std::vector<Op>& ops = bad.programs[0].ops;
  const auto update = std::ranges::find_if(ops, [](const Op& op) { return op.name.find("update.local1") != std::string::npos; });
  const auto weigh = std::next(update);
  REQUIRE(weigh->name == "bucket0.weigh");
  std::swap(update->action, weigh->action);
  REQUIRE(finds(bad, "is still used by op"));
}

TEST_CASE("what local steps do not go with is refused") {
  const auto refused = [](const std::function<void(Plan&)>& change, const Model& model = small_lenet()) {
    Plan plan = local_plan(2, 4, {.steps = 2});
    change(plan);
    REQUIRE_THROWS_AS(make_schedule(model, plan), InputError);
  };
  refused([](Plan& plan) { plan.compression.method = "int8"; });
  refused([](Plan& plan) { plan.zero = 1; });
  refused([](Plan& plan) { plan.gradient_dtype = DType::bf16; });
  refused([](Plan& plan) { plan.optimiser = Optimiser::lars; });
  refused([](Plan& plan) { plan.strategies = {"filter"}; });
  refused([](Plan& plan) { plan.synchronised_statistics = true; }, short_resnet());
  REQUIRE_THROWS_AS(make_plan("local_sgd", {.ranks = 2, .global_batch = 4, .local = {.steps = 100'000}}), InputError);
}
