#include <cmath>

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/cpu/naive/kernels.h"
#include "reference/data/synthetic.h"
#include "reference/train/cpu_compute.h"
#include "reference/train/trainer.h"
#include "tests/catch.h"
#include "tests/train/tiny.h"

using namespace convoy;

namespace {

/// Weights after some training steps of a plan on synthetic data, in double.
struct Outcome {
  std::vector<double> weights;
  cpu::Loss totals;
};

Outcome run_steps(const Model& model, Kernels kernels, int ranks, int global_batch, int steps, Mode mode = Mode::train,
                  double rate = 0.05) {
  const TrainingData data = tiny_data(model);
  Plan plan = make_plan("data", {.ranks = ranks, .global_batch = global_batch});
  plan.dtype = dtype_of(kernels);
  plan.bucket_bytes = 256;
  const Schedule schedule = make_schedule(model, plan, mode);
  CpuCompute compute(model, data.train, ranks, {.kernels = kernels, .mode = mode, .seed = 11});
  compute.settings().sgd = [rate](std::int64_t) { return cpu::SgdSettings{.learning_rate = rate, .momentum = 0.9, .weight_decay = 0.01}; };
  std::vector<RankMemory> memories(static_cast<std::size_t>(ranks));
  const std::vector<double> initial = initial_weights(model, 5);
  RunOptions options;
  options.poison = true;
  const auto run = [&](auto zero) {
    using T = decltype(zero);
    for (int rank = 0; rank < ranks; ++rank) {
      memories[static_cast<std::size_t>(rank)].bind(schedule.program(rank));
      std::ranges::transform(initial, memories[static_cast<std::size_t>(rank)].persistent<T>("weights").begin(),
                             [](double w) { return static_cast<T>(w); });
    }
    run_on_threads(schedule, steps, memories, compute.function(), options);
    const std::span<const T> first = memories.front().persistent<T>("weights");
    for (const RankMemory& memory : memories)
      for (std::size_t i = 0; i < initial.size(); ++i) REQUIRE(memory.persistent<T>("weights")[i] == first[i]);
    return Outcome{{first.begin(), first.begin() + std::ssize(initial)}, compute.totals()};
  };
  return plan.dtype == DType::f64 ? run(double{}) : run(float{});
}

}  // namespace

TEST_CASE("one training step of a linear network equals the formula written out") {
  // x (2 images of 1x2x2) -> Linear 3 -> loss; W is [3,4], b is [3]; parameters() lays out weight and bias of the only node.
  Model model{"one_layer", {1, 1, 2, 2}, 3, {}};
  model.nodes = {{"fc", Linear{3}, {kImages}}, {"loss", SoftmaxCrossEntropy{}, {0}}};
  const TrainingData data = tiny_data(model);
  const std::vector<double> w = initial_weights(model, 5);
  std::int64_t weight_at = 0, bias_at = 0;
  for (const Parameter& parameter : parameters(model)) (parameter.name == "fc.bias" ? bias_at : weight_at) = parameter.offset;

  std::vector<double> expected = w, gradient(w.size(), 0);
  double loss = 0;
  for (int n = 0; n < 2; ++n) {
    double x[4], logits[3], sum = 0;
    data.train.copy_sample(n, x);
    for (int k = 0; k < 3; ++k) {
      logits[k] = w[static_cast<std::size_t>(bias_at + k)];
      for (int i = 0; i < 4; ++i) logits[k] += w[static_cast<std::size_t>(weight_at + 4 * k + i)] * x[i];
      sum += std::exp(logits[k]);
    }
    const int label = data.train.labels[static_cast<std::size_t>(n)];
    loss += std::log(sum) - logits[label];
    for (int k = 0; k < 3; ++k) {
      const double dlogit = (std::exp(logits[k]) / sum - (k == label ? 1 : 0)) / 2;  // mean over the global batch of 2
      gradient[static_cast<std::size_t>(bias_at + k)] += dlogit;
      for (int i = 0; i < 4; ++i) gradient[static_cast<std::size_t>(weight_at + 4 * k + i)] += dlogit * x[i];
    }
  }
  for (std::size_t i = 0; i < w.size(); ++i) expected[i] -= 0.05 * (gradient[i] + 0.01 * w[i]);

  for (const int ranks : {1, 2}) {
    const Outcome outcome = run_steps(model, Kernels::naive_f64, ranks, 2, 1);
    REQUIRE(std::abs(outcome.totals.loss_sum - loss) <= 1e-12);
    for (std::size_t i = 0; i < w.size(); ++i) REQUIRE(std::abs(outcome.weights[i] - expected[i]) <= 1e-12);
  }
}

TEST_CASE("every layer trains alike with the naive and the fast kernels") {
  const Model model = tiny_model();
  const Outcome oracle = run_steps(model, Kernels::naive_f64, 1, 6, 3);
  const Outcome naive = run_steps(model, Kernels::naive_f32, 1, 6, 3);
  const Outcome fast = run_steps(model, Kernels::fast, 1, 6, 3);
  const double scale = largest(oracle.weights);
  CAPTURE(largest_difference(oracle.weights, naive.weights), largest_difference(oracle.weights, fast.weights));
  REQUIRE(largest_difference(oracle.weights, naive.weights) <= 1e-5 * scale);  // some hundred float roundings of 6e-8
  REQUIRE(largest_difference(oracle.weights, fast.weights) <= 1e-5 * scale);
  REQUIRE(largest_difference(oracle.weights, initial_weights(model, 5)) > 1e-3 * scale);
  REQUIRE(oracle.totals.correct == fast.totals.correct);
}

TEST_CASE("the number of ranks changes nothing, dropout and uneven shares included") {
  const Model model = tiny_model();
  const Outcome serial = run_steps(model, Kernels::naive_f64, 1, 5, 3);
  for (const int ranks : {2, 3, 5, 7}) {  // seven ranks, five images: two have none
    const Outcome parallel = run_steps(model, Kernels::naive_f64, ranks, 5, 3);
    CAPTURE(ranks, largest_difference(serial.weights, parallel.weights));
    REQUIRE(largest_difference(serial.weights, parallel.weights) <= 1e-9 * largest(serial.weights));
    REQUIRE(std::abs(serial.totals.loss_sum - parallel.totals.loss_sum) <= 1e-9 * serial.totals.loss_sum);
    REQUIRE(serial.totals.correct == parallel.totals.correct);
  }
}

TEST_CASE("evaluation drops nothing and leaves the weights alone") {
  const Model model = tiny_model();
  Model without = model;
  for (Node& node : without.nodes)
    if (auto* dropout = std::get_if<Dropout>(&node.layer)) dropout->probability = 0;
  const Outcome evaluated = run_steps(model, Kernels::naive_f64, 2, 8, 2, Mode::evaluate);
  REQUIRE(evaluated.totals.loss_sum == run_steps(without, Kernels::naive_f64, 2, 8, 2, Mode::evaluate).totals.loss_sum);
  REQUIRE(evaluated.totals.loss_sum != run_steps(model, Kernels::naive_f64, 2, 8, 2, Mode::train, 1e-30).totals.loss_sum);
  REQUIRE(evaluated.weights == initial_weights(model, 5));
}

TEST_CASE("a caller's mistake names the op") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model);
  Dataset other = data.train;
  other.image = {1, 2, 5, 7};
  REQUIRE_THROWS_AS(CpuCompute(model, other, 1, {}), std::invalid_argument);

  const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = 1, .global_batch = 2}));
  std::vector<RankMemory> memories(1);
  CpuCompute doubles(model, data.train, 1, {.kernels = Kernels::naive_f64});  // the schedule's buffers are float
  REQUIRE_THROWS_AS(run_on_threads(schedule, 1, memories, doubles.function()), std::runtime_error);
  Schedule no_y = schedule;
  std::get<Compute>(no_y.programs[0].ops[0].action).operands.clear();
  RunOptions unchecked;
  unchecked.check = false;
  CpuCompute compute(model, data.train, 1, {});
  try {
    run_on_threads(no_y, 1, memories, compute.function(), unchecked);
    FAIL("nothing was thrown");
  } catch (const std::exception& error) {
    const std::string message = error.what();
    CAPTURE(message);
    REQUIRE(message.find("op 'load' has no y") != std::string::npos);
  }
}
