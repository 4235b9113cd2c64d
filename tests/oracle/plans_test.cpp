/// Every plan computes what the serial run computes: five steps in double, on threads, for models that have every layer, several
/// meshes, batches that do not divide and ranks without an image.
#include <set>

#include "tests/catch_text.h"
#include "tests/oracle/compare.h"
#include "tests/oracle/models.h"
#include "tests/oracle/plan_cases.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

/// Runs a plan and compares everything that the run ends with. Returns whether it was refused.
bool compare(const Model& model, const std::string& label, const Plan& plan) {
  CAPTURE(model.name, label, plan.overlap, plan.synchronised_statistics, plan.chunks);
  Schedule schedule;
  try {
    schedule = make_schedule(model, plan);
  } catch (const InputError& error) {
    INFO(error.what());
    const std::string message = error.what();
    REQUIRE((message.find("use ") != std::string::npos || message.find("give the node") != std::string::npos));
    return true;
  }
  // Scheme c with groups of statistics needs whole batches, see by_rank().
  const bool whole = loads_pieces(plan) && !states(model).empty();
  const Training training = training_of(model, plan.global_batch, 5, whole ? 3 * plan.global_batch : 31);
  const PlannedRun run = run_planned(schedule, model, training.data, training.settings);
  // A data set of another size is another serial run than the remembered one.
  const Expected expected = whole && plan.synchronised_statistics ? serial_run(training) : expected_of(training, plan, schedule);
  REQUIRE(run.breaches.empty());
  REQUIRE(run.miscounted.empty());
  // Where one axis sums gradients and another divides layers, ranks with other parts lay their buckets out differently, and the
  // ring adds the terms of what they all have in another order: the last bits may differ.
  if (!plan.at_root && plan.mesh.axes.size() == 1) REQUIRE(run.replicas_agree);
  if (!plan.at_root) REQUIRE(run.replica_difference <= 1e-12);
  const double weights = relative_difference(model, expected.values.weights, run);
  REQUIRE(weights <= 1e-9);
  const double statistics = relative_difference(states(model), expected.values.states, run.values.states);
  REQUIRE(statistics <= 1e-9);
  REQUIRE(std::abs(run.totals.loss_sum - expected.totals.loss_sum) <= 1e-9 * expected.totals.loss_sum);
  REQUIRE(run.totals.correct == expected.totals.correct);
  return false;
}

/// Of pipeline_cases(), those with a data axis, of which one setting is left out below.
constexpr int kPipelinesWithData = 4 * 2 + 2 + 1;

struct Tally {
  int ran = 0;
  std::set<std::string> refused = {};  ///< "model: label"
};

/// A plan with and without overlap, and with statistics of BatchNorm2d of each rank's images and of all.
void run_variants(const Model& model, const PlanCase& c, Tally& tally) {
  for (const bool overlap : {true, false})
    for (const bool synchronised : {false, true}) {
      if (synchronised ? states(model).empty() : c.only_synchronised) continue;
      // Statistics of a micro-batch over all data ranks are of images that are no run of the batch, which the oracle does not know.
      if (synchronised && pipeline_axis(c.plan) >= 0 && c.plan.batch_axis >= 0) continue;
      Plan plan = c.plan;
      plan.dtype = DType::f64;
      plan.overlap = overlap;
      plan.synchronised_statistics = synchronised;
      plan.bucket_bytes = overlap ? 1500 : 9000;
      plan.chunks = overlap ? 1 : 3;
      if (compare(model, c.label, plan)) {
        tally.refused.insert(model.name + ": " + c.label);
      } else {
        ++tally.ran;
      }
    }
}

}  // namespace

TEST_CASE("every plan on one axis equals the serial run") {
  Tally tally;
  for (const Model& model : {small_lenet(), short_resnet(), branches()})
    for (const PlanCase& c : single_axis_cases()) run_variants(model, c, tally);
  // Scheme c would draw other masks for the Dropout of its convolutional part, and 7 images cannot be divided by 3 ranks twice.
  REQUIRE(tally.refused == std::set<std::string>{"branches: one_weird_trick scheme c, 2 ranks, batch 12",
                                                 "branches: one_weird_trick scheme c, 3 ranks, batch 18",
                                                 "branches: one_weird_trick scheme c, 3 ranks, batch 7",
                                                 "short_resnet: one_weird_trick scheme c, 3 ranks, batch 7",
                                                 "small_lenet: one_weird_trick scheme c, 3 ranks, batch 7"});
  REQUIRE(tally.ran == 102 * 8 - 3 * 2 - 4 - 2);
}

TEST_CASE("every order of a pipeline equals the serial run, beside other axes too") {
  Tally tally;
  for (const Model& model : {small_lenet(), short_resnet(), branches()})  // two_heads runs all of them below
    for (const PlanCase& c : pipeline_cases()) run_variants(model, c, tally);
  REQUIRE(tally.refused == std::set<std::string>{});
  const auto cases = static_cast<int>(pipeline_cases().size());
  REQUIRE(tally.ran == cases * 2 * 3 + (cases - kPipelinesWithData) * 2);
}

TEST_CASE("every plan on several axes equals the serial run") {
  Tally tally;
  for (const Model& model : {small_lenet(), short_resnet(), branches()})
    for (const PlanCase& c : several_axes_cases()) run_variants(model, c, tally);
  // Two axes cannot both divide the channels of one tensor.
  REQUIRE(tally.refused == std::set<std::string>{"branches: filter=2 x channel=2, batch 4",
                                                 "branches: hybrid/one_weird_trick/2 scheme c, 4 ranks, batch 8",
                                                 "short_resnet: filter=2 x channel=2, batch 4",
                                                 "small_lenet: filter=2 x channel=2, batch 4"});
  REQUIRE(tally.ran == 36 * 8 - 2 - 2 * 2 - 4);
}

TEST_CASE("every plan of a network with an auxiliary head equals the serial run") {
  Tally tally;
  for (const PlanCase& c : all_cases()) run_variants(two_heads(), c, tally);
  // Schemes b and c run everything behind the first linear layer by hand-overs, and the trunk goes on beside the head.
  for (const std::string& label : tally.refused)
    REQUIRE((label.find("scheme b") != std::string::npos || label.find("scheme c") != std::string::npos ||
             label == "two_heads: filter=2 x channel=2, batch 4"));
  REQUIRE(tally.refused.size() == 6 + 2 + 1);
  REQUIRE(tally.ran == (static_cast<int>(all_cases().size()) - 9) * 4 - kPipelinesWithData * 2);
}

TEST_CASE("every plan of a network with gates and shuffled channels equals the serial run") {
  Tally tally;
  for (const PlanCase& c : all_cases()) run_variants(excited(), c, tally);
  // Channels cannot be divided on two axes, and scheme c cannot deal out 7 images in three parts.
  for (const std::string& label : tally.refused)
    REQUIRE((label.find("scheme c") != std::string::npos || label == "excited: filter=2 x channel=2, batch 4"));
  REQUIRE(tally.refused.size() <= 4);
  REQUIRE(tally.ran == (static_cast<int>(all_cases().size()) - std::ssize(tally.refused)) * 4 - kPipelinesWithData * 2);
}

TEST_CASE("plans with other rules for single nodes equal the serial run") {
  Tally tally;
  for (const Model& model : {small_lenet(), short_resnet(), branches()})
    for (const PlanCase& c : overridden_cases(model.name)) run_variants(model, c, tally);
  REQUIRE(tally.refused == std::set<std::string>{});
  REQUIRE(tally.ran == (4 + 3 + 3) * 2);
}

TEST_CASE("what is impossible is refused, with the nearest that is possible") {
  const auto complaint = [](const Model& model, const Plan& plan) -> std::string {
    try {
      (void)make_schedule(model, plan);
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  const auto says = [&](const Model& model, const Plan& plan, std::initializer_list<const char*> parts) {
    const std::string message = complaint(model, plan);
    INFO("it says: " << message);
    for (const char* part : parts) {
      CAPTURE(part);
      REQUIRE(message.find(part) != std::string::npos);
    }
  };
  const auto named = [](const char* name, int ranks) { return make_plan(name, {.ranks = ranks, .global_batch = 4}); };
  says(short_resnet(), named("filter", 6), {"node 'conv'", "5 filters", "6 ranks", "use at most 5"});
  REQUIRE(complaint(short_resnet(), named("filter", 4)).empty());
  says(short_resnet(), named("filter", 5), {"node 'fc'", "4 filters", "use at most 4"});
  says(branches(), named("filter", 5), {"node 'left'", "4 filters", "use at most 4"});
  Plan groups = named("filter", 5);
  groups.overrides = {{"left", {{"model", Rule::replicate}}}};
  says(branches(), groups, {"node 'grouped'", "4 groups", "use at most 4", "'replicate'"});
  says(small_lenet(), named("spatial", 13), {"node 'conv1'", "12 rows", "use at most 12"});
  REQUIRE(complaint(small_lenet(), named("spatial", 12)).empty());
  Plan plan = named("filter", 2);
  plan.overrides = {{"conv1", {{"model", Rule::channels}}}};
  says(small_lenet(), plan, {"node 'conv1'", "Conv2d", "'channels'", "'filter', 'channel' or 'batch'"});
  plan.overrides = {{"grouped", {{"model", Rule::filter}}}};
  says(branches(), plan, {"node 'grouped'", "with groups", "'grouped'"});
  plan.overrides = {{"flatten", {{"model", Rule::spatial}}}};
  says(branches(), plan, {"node 'flatten'", "'replicate' or 'batch'"});
  plan.overrides = {{"conv3", {{"model", Rule::filter}}}};
  says(small_lenet(), plan, {"'conv3'", "did you mean 'conv"});
  plan.overrides = {{"conv1", {{"modle", Rule::filter}}}};
  says(small_lenet(), plan, {"'modle'", "did you mean 'model'"});
  plan = named("data", 2);
  plan.overrides = {{"fc1", {{"data", Rule::filter}}}};
  says(small_lenet(), plan, {"axis 'data'", "use another axis"});
  plan = named("data", 2);
  plan.strategies = {"hybrid"};
  says(small_lenet(), plan, {"'hybrid'", "write for example"});
  REQUIRE_THROWS_WITH(make_plan("hybrid", {.ranks = 6, .global_batch = 4, .split = 4}),
                      containing("--split 3") && containing("--ranks 8"));
  REQUIRE_THROWS_AS(make_plan("hybrid", {.ranks = 4, .global_batch = 4, .inside = "data"}), InputError);
}
