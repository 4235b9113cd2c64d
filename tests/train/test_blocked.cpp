/// Training on blocked activations with fused layers equals plain training within rounding, on one rank and on several, and a step
/// allocates nothing.
#include "reference/core/error.h"
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

namespace {

/// Runs steps, the first of which may ask for memory, for example for scratch of kernels. No later one may.
void require_no_allocation(const Model& written, int batch, bool fast_ways, int steps) {
  CAPTURE(written.name, fast_ways);
  Plan plan = make_plan("data", {.ranks = 1, .global_batch = batch});
  plan.fusion = fast_ways ? Fusion::on : Fusion::off;
  plan.layout = fast_ways ? ActivationLayout::blocked : ActivationLayout::nchw;
  const Model model = model_for(written, plan);
  const TrainingData data = tiny_data(model, batch, 1);
  CpuCompute compute(model, data.train, 1, {});
  std::vector<RankMemory> memories(1);
  std::vector<std::int64_t> news;  // after every step
  news.reserve(static_cast<std::size_t>(steps));
  std::vector<std::string> asking;  // ops after the first step in which memory was asked for
  const ComputeFn counting = [&](const ComputeCall& call) {
    const std::int64_t before = counted_news();
    compute.run(call);
    if (call.iteration > 0 && counted_news() != before) asking.push_back(call.op.name);
  };
  RunOptions options = run_options(1, false);
  options.record = false;
  options.on_step_end = [&](int, int) { news.push_back(counted_news()); };
  run_on_threads(make_schedule(model, plan), steps, memories, counting, options);
  REQUIRE(asking == std::vector<std::string>{});
  REQUIRE(std::ssize(news) == steps);
  REQUIRE(news[0] > 0);  // the counter counts
  REQUIRE(news.back() == news.front());
}

/// A network of the zoo for the smallest images that it takes.
Model smallest(const ZooEntry& entry) {
  for (const int side : {33, 64, 96, 128}) {
    const int channels = entry.make().image.c;
    try {
      return make_model(entry.name, {.classes = 10, .image = Shape{1, channels, side, side}});
    } catch (const InputError&) {  // too small for it
    }
  }
  return entry.make({.classes = 10});
}

}  // namespace

TEST_CASE("steps after the first allocate nothing") {
  for (const bool fast_ways : {false, true})
    for (const Model& model : {make_lenet5(), tests::short_resnet(), tests::branches(), tests::excited(), tests::two_heads()})
      require_no_allocation(model, 4, fast_ways, 4);
}

TEST_CASE("no network of the zoo allocates in a step") {
  int networks = 0;
  for (const ZooEntry& entry : zoo()) {
    if (entry.published_parameters > 100'000'000) continue;  // VGG: gigabytes, and no layer that AlexNet does not have
    require_no_allocation(smallest(entry), 2, true, 2);
    ++networks;
  }
  REQUIRE(networks >= 20);
}
