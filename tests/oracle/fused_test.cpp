/// Fused layers compute what the layers that they were made of compute: every plan with the fused model, five steps in double, equals
/// the serial run of the model as it was written.
#include "reference/model/fuse.h"
#include "tests/catch.h"
#include "tests/oracle/compare.h"
#include "tests/oracle/models.h"
#include "tests/oracle/plan_cases.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

/// What the models of models.h do not have: an addition of three and one without BatchNorm2d before a ReLU, a normalisation that
/// adds without a ReLU, and one whose addend learns nothing.
Model additions() {
  ModelBuilder net("additions", {1, 2, 8, 6}, 4);
  const int a = net.add("a", Conv2d{4, square_window(3, 1, 1)}, {kImages});
  const int b = net.add("b", Conv2d{4, square_window(1)}, {kImages});
  const int c = net.add("c", Conv2d{4, square_window(1)}, {a});
  net.add("three", Add{}, {a, b, c});
  const int three = net.add("relu1", ReLU{});
  const int conv = net.add("conv", Conv2d{4, square_window(3, 1, 1), false});
  const int norm = net.add("norm", BatchNorm2d{}, {conv});
  const int sum = net.add("sum", Add{}, {three, norm});
  net.add("average", GlobalAvgPool2d{});
  net.add("fc1", Linear{4});
  const int relu = net.add("relu2", ReLU{});
  const int logits = net.add("fc2", Linear{4}, {relu});
  const int pooled = net.add("pooled", GlobalAvgPool2d{}, {sum});
  net.add("ends", Add{}, {logits, pooled});
  return net.finish();
}

/// A normalisation of the images themselves that adds the images: their gradient is not wanted.
Model adds_images() {
  ModelBuilder net("adds_images", {1, 3, 5, 4}, 3);
  const int conv = net.add("conv", Conv2d{3, square_window(3, 1, 1), false}, {kImages});
  const int norm = net.add("norm", BatchNorm2d{}, {conv});
  net.add("add", Add{}, {norm, kImages});
  net.add("relu", ReLU{});
  net.add("flatten", Flatten{});
  net.add("fc", Linear{3});
  return net.finish();
}

struct Tally {
  int ran = 0;
  int fused = 0;    ///< runs in which nodes had disappeared
  int summed = 0;   ///< runs in which a convolution summed up for a BatchNorm2d
};

bool sums_up(const Schedule& schedule) {
  for (const Program& program : schedule.programs)
    for (const Op& op : program.ops)
      if (const auto* compute = std::get_if<Compute>(&op.action); compute != nullptr && compute->kind == ComputeKind::forward)
        for (const Operand& operand : compute->operands)
          if (operand.role == Role::sums && operand.access == Access::write) return true;
  return false;
}

void compare(const Model& model, const PlanCase& c, bool synchronised, Tally& tally) {
  Plan plan = c.plan;
  plan.dtype = DType::f64;
  plan.synchronised_statistics = synchronised;
  plan.bucket_bytes = 1500;
  CAPTURE(model.name, c.label, synchronised);
  Schedule unfused, schedule;
  Model fused;
  try {
    unfused = make_schedule(model, plan);
    fused = fused_for(model, plan);
    schedule = make_schedule(fused, plan);
  } catch (const InputError&) {
    return;  // plans_test.cpp holds which; and there may be fewer nodes than stages
  }
  const Training training = training_of(model, plan.global_batch, 5);
  const Expected expected = expected_of(training, plan, unfused);
  const PlannedRun run = run_planned(schedule, fused, training.data, training.settings);
  REQUIRE(run.breaches.empty());
  REQUIRE(run.miscounted.empty());
  REQUIRE(relative_difference(model, expected.values.weights, run) <= 1e-9);
  REQUIRE(relative_difference(states(model), expected.values.states, run.values.states) <= 1e-9);
  REQUIRE(std::abs(run.totals.loss_sum - expected.totals.loss_sum) <= 1e-9 * expected.totals.loss_sum);
  REQUIRE(run.totals.correct == expected.totals.correct);
  ++tally.ran;
  tally.fused += fused.nodes.size() < model.nodes.size() ? 1 : 0;
  tally.summed += sums_up(schedule) ? 1 : 0;
}

}  // namespace

TEST_CASE("fused models equal the serial run on every plan") {
  Tally tally;
  std::vector<PlanCase> cases = single_axis_cases();
  for (PlanCase& c : several_axes_cases()) cases.push_back(std::move(c));
  for (PlanCase& c : pipeline_cases()) cases.push_back(std::move(c));
  for (const Model& model : {small_lenet(), short_resnet(), additions(), adds_images()})
    for (const PlanCase& c : cases) {
      if (loads_pieces(c.plan)) continue;  // scheme c wants another order of images, see by_rank()
      compare(model, c, false, tally);
      if (c.plan.global_batch == 9 && !states(model).empty() && !(pipeline_axis(c.plan) >= 0 && c.plan.batch_axis >= 0))
        compare(model, c, true, tally);
    }
  REQUIRE(tally.ran > 400);
  REQUIRE(tally.fused > tally.ran * 3 / 4);
  REQUIRE(tally.summed > tally.ran / 4);
}

TEST_CASE("what a plan names in its overrides is not fused away, and a channel rule keeps its ReLU apart") {
  Tally tally;
  for (const Model& model : {small_lenet(), short_resnet()})
    for (const PlanCase& c : overridden_cases(model.name)) compare(model, c, c.only_synchronised, tally);
  REQUIRE(tally.ran == 7);

  const Model model = small_lenet();
  Plan plan = make_plan("channel", {.ranks = 2, .global_batch = 4});
  const Model fused = fused_for(model, plan);
  const std::vector<std::vector<Rule>> rules = rules_of(fused, plan);
  int channel = 0;
  for (std::size_t i = 0; i < fused.nodes.size(); ++i) {
    if (rules[i].front() != Rule::channel) continue;
    ++channel;
    REQUIRE_FALSE(has_fused_relu(fused.nodes[i].layer));
  }
  REQUIRE(channel > 0);
  const auto refusal = [&] {
    try {
      (void)make_schedule(fuse(model), plan);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  REQUIRE(refusal().find("cannot be applied to the terms of a sum") != std::string::npos);
}
