/// Training on blocked activations with fused layers equals plain training within rounding, on one rank and on several, and a step
/// allocates nothing.
#include "reference/exec/exec.h"
#include "reference/model/zoo.h"
#include "reference/train/cpu_compute.h"
#include "reference/train/trainer.h"
#include "reference/train/weights.h"
#include "tests/catch.h"
#include "tests/oracle/models.h"
#include "tests/train/counted_news.h"
#include "tests/train/tiny.h"

using namespace convoy;

namespace {

TrainResult trained(const Model& model, Plan plan, bool fast_ways, Kernels kernels = Kernels::fast) {
  plan.fusion = fast_ways ? Fusion::on : Fusion::off;
  plan.layout = fast_ways ? ActivationLayout::blocked : ActivationLayout::nchw;
  TrainSettings settings{.epochs = 2, .threads = 1, .bind = false, .seed = 5};
  settings.kernels = kernels;
  settings.sgd = {.learning_rate = 0.02, .momentum = 0.9, .weight_decay = 0.001};
  return train(model_for(model, plan), plan, tiny_data(model), settings);
}

/// Relative to the largest value.
void require_close(const std::vector<double>& expected, const std::vector<double>& got, double tolerance) {
  const double difference = largest_difference(expected, got);
  INFO("difference " << difference << ", largest " << largest(expected));
  REQUIRE(difference <= tolerance * std::max(largest(expected), 1e-3));
}

void compare(const Model& model, const Plan& plan) {
  CAPTURE(model.name, plan.name, plan.global_batch);
  // The reference is the oracle's arithmetic: plain layers in double.
  const TrainResult plain = trained(model, plan, false, Kernels::naive_f64);
  const TrainResult fast = trained(model, plan, true);
  require_close(plain.values.weights, fast.values.weights, 2e-3);
  require_close(plain.values.states, fast.values.states, 2e-3);
  REQUIRE(plain.epochs.size() == fast.epochs.size());
  for (std::size_t e = 0; e < plain.epochs.size(); ++e) {
    REQUIRE(std::abs(plain.epochs[e].train_loss - fast.epochs[e].train_loss) <= 1e-3 * plain.epochs[e].train_loss);
    REQUIRE(std::abs(plain.epochs[e].test_loss - fast.epochs[e].test_loss) <= 1e-3 * plain.epochs[e].test_loss);
  }
}

}  // namespace

TEST_CASE("blocked and fused training equals plain training in double") {
  for (const Model& model : {tiny_model(), tests::small_lenet(), tests::short_resnet(), tests::branches(), tests::excited()}) {
    compare(model, make_plan("data", {.ranks = 1, .global_batch = 5}));
    compare(model, make_plan("data", {.ranks = 2, .global_batch = 6}));
    compare(model, make_plan("filter", {.ranks = 2, .global_batch = 4}));
    compare(model, make_plan("spatial", {.ranks = 2, .global_batch = 4}));
    compare(model, make_plan("hybrid", {.ranks = 4, .global_batch = 6, .split = 2, .inside = "one_weird_trick"}));
  }
}

TEST_CASE("plain kernels refuse blocked tensors") {
  const Model model = tests::short_resnet();
  Plan plan = make_plan("data", {.ranks = 1, .global_batch = 2});
  plan.layout = ActivationLayout::blocked;
  const Schedule schedule = make_schedule(model, plan);
  const TrainingData data = tiny_data(model);
  ComputeSettings settings;
  settings.kernels = Kernels::naive_f32;
  CpuCompute compute(model, data.train, 1, settings);
  std::vector<RankMemory> memories(1);
  std::string message;
  try {
    run_on_threads(schedule, 1, memories, compute.function());
  } catch (const std::runtime_error& error) {
    message = error.what();
  }
  REQUIRE(message.find("nchw16c") != std::string::npos);
}

TEST_CASE("steps after the first allocate nothing") {
  for (const bool fast_ways : {false, true})
    for (const Model& model : {make_lenet5(), tests::short_resnet(), tests::branches(), tests::excited()}) {
      CAPTURE(model.name, fast_ways);
      Plan plan = make_plan("data", {.ranks = 1, .global_batch = 4});
      plan.fusion = fast_ways ? Fusion::on : Fusion::off;
      plan.layout = fast_ways ? ActivationLayout::blocked : ActivationLayout::nchw;
      const Model run = model_for(model, plan);
      const TrainingData data = tiny_data(model);
      CpuCompute compute(run, data.train, 1, {});
      std::vector<RankMemory> memories(1);
      std::vector<std::int64_t> news;
      news.reserve(8);
      std::vector<std::string> asking;  // ops after the first step in which memory was asked for
      const ComputeFn counting = [&](const ComputeCall& call) {
        const std::int64_t before = counted_news();
        compute.run(call);
        if (call.iteration > 0 && counted_news() != before) asking.push_back(call.op.name);
      };
      RunOptions options = run_options(1, false);
      options.record = false;
      options.on_step_end = [&](int, int) { news.push_back(counted_news()); };
      run_on_threads(make_schedule(run, plan), 4, memories, counting, options);
      REQUIRE(asking == std::vector<std::string>{});
      REQUIRE(news.size() == 4);
      REQUIRE(news[0] > 0);  // the counter counts
      REQUIRE(news[3] == news[0]);
    }
}
