/// Random networks under random plans compute what the serial run computes. A failure prints the seed of its case.
#include <iostream>

#include "tests/catch.h"
#include "tests/oracle/compare.h"
#include "tests/plans/random_model.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

struct Tally {
  int equal = 0;
  int refused = 0;
};

/// Starting weights without zeros. With those of BatchNorm2d at 1 and 0, two in a row, or one before an average, make tensors
/// that are zero but for rounding, and relative to their largest value nothing is equal.
std::vector<double> start_of(const Model& model, std::uint64_t seed) {
  std::vector<double> weights = initial_weights(model, seed);
  Random random(seed + 1);
  for (double& weight : weights) weight += random.uniform(0.05, 0.3) * (weight < 0 ? -1 : 1);
  return weights;
}

void check_case(std::uint64_t seed, Tally& tally) {
  Random random(seed);
  const Model model = RandomModel(random).make();
  Plan plan = random_plan(random, model);
  plan.dtype = DType::f64;
  plan.gradient_dtype.reset();
  plan.local = {};  // which is another sum; tests/oracle/local_sgd_test.cpp has it
  plan.synchronised_statistics = true;  // under other rules every BatchNorm2d may have groups of its own
  REQUIRE((pipeline_axis(plan) < 0 || plan.batch_axis < 0));  // else those of a micro-batch are no run of the batch
  Schedule schedule;
  try {
    schedule = make_schedule(model, plan);
  } catch (const InputError&) {
    ++tally.refused;
    return;
  }
  Training training = training_of(model, plan.global_batch, 2, 13);
  training.settings.sgd.learning_rate = 0.01;
  set_groups(training.settings, plan, schedule);  // of a pipeline: its micro-batches
  const std::vector<double> start = start_of(model, seed);
  const PlannedRun run = run_planned(schedule, model, training.data, training.settings, {.start = start});
  Oracle oracle(model, training.data, training.settings);
  const double weights = relative_difference(model, oracle.train(start), run);
  const double statistics = relative_difference(states(model), oracle.states(), run.values.states);
  if (run.breaches.empty() && weights <= 1e-9 && statistics <= 1e-9 && run.totals.correct == oracle.totals().correct) {
    ++tally.equal;
  } else {
    FAIL_CHECK("seed " << seed << ": weights differ by " << weights << ", statistics by " << statistics << "\n"
                       << describe_case(seed));
  }
}

}  // namespace

TEST_CASE("random networks under random plans equal the serial run") {
  Tally tally;
  for (std::uint64_t seed = 1; seed <= 1000; ++seed) check_case(seed, tally);
  std::cout << tally.equal << " random plans equal the serial run, " << tally.refused << " refused\n";
  REQUIRE(tally.equal >= 500);
}
