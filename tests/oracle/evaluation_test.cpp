/// Evaluation by every plan, on the memory that training by the same plan left: loss and correct answers over a test split equal
/// those of the serial run, whatever ranks keep for themselves.
#include "tests/catch.h"
#include "tests/oracle/compare.h"
#include "tests/oracle/models.h"
#include "tests/oracle/plan_cases.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

constexpr int kTestImages = 31;

/// Loss and correct answers over the test split: whole batches, then what is left.
cpu::Loss evaluate_by(const Model& model, Plan plan, const Dataset& test, std::vector<RankMemory>& memories) {
  const int whole = kTestImages / plan.global_batch;
  const int rest = kTestImages % plan.global_batch;
  cpu::Loss totals = evaluate_planned(make_schedule(model, plan, Mode::evaluate), model, test, 0, whole, memories);
  if (rest == 0) return totals;
  const std::int64_t first = std::int64_t{whole} * plan.global_batch;
  plan.global_batch = rest;
  // Scheme c may not divide what is left; its images are then exchanged at once.
  if (plan.scheme == ExchangeScheme::c) plan.scheme = ExchangeScheme::a;
  const cpu::Loss short_batch = evaluate_planned(make_schedule(model, plan, Mode::evaluate), model, test, first, 1, memories);
  totals.loss_sum += short_batch.loss_sum;
  totals.correct += short_batch.correct;
  return totals;
}

}  // namespace

TEST_CASE("evaluation by every plan equals the serial one") {
  int evaluated = 0;
  for (const Model& model : {small_lenet(), short_resnet(), branches(), two_heads(), excited()}) {
    const Dataset test =
        make_synthetic({.image = model.image, .classes = model.classes, .train_count = 1, .test_count = kTestImages, .seed = 11})
            .test;
    for (const PlanCase& c : all_cases()) {
      CAPTURE(model.name, c.label);
      Plan plan = c.plan;
      plan.dtype = DType::f64;
      plan.bucket_bytes = 1500;
      plan.overlap = evaluated % 2 == 0;
      Schedule schedule;
      try {
        schedule = make_schedule(model, plan);
      } catch (const InputError&) {
        continue;  // plans_test.cpp says which
      }
      const bool pieces = loads_pieces(plan) && !states(model).empty();
      Training training = training_of(model, plan.global_batch, 2, pieces ? 2 * plan.global_batch : 31);
      std::vector<RankMemory> memories;
      (void)run_planned(schedule, model, training.data, training.settings, {}, &memories);
      const cpu::Loss got = evaluate_by(model, plan, test, memories);

      if (pieces) training.data = by_rank(training.data, schedule);
      set_groups(training.settings, plan, schedule);
      if (pieces) training.settings.statistics_groups = shares_of_ranks(schedule);
      Oracle oracle(model, training.data, training.settings);
      (void)oracle.train();
      const cpu::Loss expected = oracle.evaluate(test, {0, kTestImages});
      REQUIRE(std::abs(got.loss_sum - expected.loss_sum) <= 1e-9 * expected.loss_sum);
      REQUIRE(got.correct == expected.correct);
      ++evaluated;
    }
  }
  REQUIRE(evaluated > 300);
}

TEST_CASE("evaluation uses running statistics and drops nothing") {
  // The oracle's own evaluation: another loss than in training, and the same whatever images stand beside.
  for (const Model& model : {short_resnet(), branches()}) {
    const Training training = training_of(model, 8, 3);
    Oracle oracle(model, training.data, training.settings);
    (void)oracle.train();
    const cpu::Loss all = oracle.evaluate(training.data, {0, 8});
    double alone = 0;
    for (int i = 0; i < 8; ++i) alone += oracle.evaluate(training.data, {i, 1}).loss_sum;
    REQUIRE(std::abs(alone - all.loss_sum) <= 1e-12 * all.loss_sum);
    REQUIRE(std::abs(oracle.totals().loss_sum / 3 - all.loss_sum) > 1e-3 * all.loss_sum);
  }
}
