/// Gradient accumulation and LARS: what they come to on every plan, against computations by hand and the serial run.
#include <cmath>

#include "reference/core/error.h"
#include "reference/cpu/naive/kernels.h"
#include "reference/train/trainer.h"
#include "tests/catch.h"
#include "tests/train/tiny.h"
#include "tests/train/worlds.h"

using namespace convoy;

namespace {

/// The plans whose ranks all have all images of their share, so that these can go through in parts.
std::vector<World> accumulating_worlds(int batch) {
  std::vector<World> worlds;
  for (const World& world : convoy::worlds(batch)) {
    const std::string name = world.plan;
    if (name != "one_weird_trick" && name != "data_parallel_root") worlds.push_back(world);
  }
  return worlds;
}

/// A network with BatchNorm2d, whose statistics tell parts of a batch from the whole.
Model normed() {
  ModelBuilder net("normed", {1, 2, 6, 6}, 3);
  net.add("conv", Conv2d{4, square_window(3, 1, 1), false});
  net.add("norm", BatchNorm2d{});
  net.add("relu", ReLU{});
  net.add("flatten", Flatten{});
  net.add("fc", Linear{3});
  return net.finish();
}

Plan plan_on(int ranks, int batch) { return make_plan("data", {.ranks = ranks, .global_batch = batch}); }

}  // namespace

TEST_CASE("parts of a batch add up to the gradient of the whole, on every plan that can") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 23, 11);
  const TrainResult whole = train(model, plan_on(1, 8), data, exact(2));
  int ran = 0;
  for (const World& world : accumulating_worlds(8))
    for (const int parts : {2, 3, 5}) {  // uneven ones, and with three ranks fewer images than parts
      CAPTURE(world.plan, world.request.ranks, world.request.inside, parts);
      Plan plan = plan_of(world);
      plan.accumulate = parts;
      plan.overlap = parts != 3;
      const TrainResult result = train(model, plan, data, exact(2));
      REQUIRE(largest_difference(whole.values.weights, result.values.weights) <= 1e-9 * largest(whole.values.weights));
      REQUIRE(std::abs(result.epochs[1].train_loss - whole.epochs[1].train_loss) <= 1e-9);
      REQUIRE(result.epochs[1].train_accuracy == whole.epochs[1].train_accuracy);
      ++ran;
    }
  REQUIRE(ran == 21);
  for (const World& world : {World{"one_weird_trick", {.ranks = 2, .global_batch = 8}},
                             World{"data_parallel_root", {.ranks = 2, .global_batch = 8}}}) {
    Plan plan = plan_of(world);
    plan.accumulate = 2;
    REQUIRE_THROWS_AS(make_schedule(model, plan), InputError);
  }
}

TEST_CASE("two parts on one rank are what two ranks with statistics of their own are") {
  const Model model = normed();
  const TrainingData data = tiny_data(model, 24, 9);
  Plan plan = plan_on(1, 8);
  const TrainResult at_once = train(model, plan, data, exact(2));
  plan.accumulate = 2;
  const TrainResult parts = train(model, plan, data, exact(2));
  const TrainResult ranks = train(model, plan_on(2, 8), data, exact(2));
  REQUIRE(largest_difference(parts.values.weights, ranks.values.weights) <= 1e-9 * largest(ranks.values.weights));
  REQUIRE(largest_difference(parts.values.weights, at_once.values.weights) > 1e-6);
}

TEST_CASE("a step in parts needs less memory for activations") {
  const Model model = tiny_model();
  Plan plan = plan_on(1, 64);
  const std::int64_t whole = plan_memory(make_schedule(model, plan).programs.front()).total_bytes;
  plan.accumulate = 8;
  REQUIRE(plan_memory(make_schedule(model, plan).programs.front()).total_bytes < whole / 2);
}

TEST_CASE("LARS on one layer equals its rule written out, two steps") {
  Model model{"one_layer", {1, 1, 3, 2}, 3, {}};
  model.nodes = {{"fc", Linear{3}, {kImages}}, {"loss", SoftmaxCrossEntropy{}, {0}}};
  const TrainingData data = tiny_data(model, 8, 4);
  TrainSettings settings = exact(2);  // of one step each
  settings.lars_trust = 0.02;
  settings.sgd.learning_rate = 3;
  Plan plan = plan_on(1, 8);
  std::int64_t weight_at = 0, bias_at = 0;
  for (const Parameter& p : parameters(model)) (p.name == "fc.bias" ? bias_at : weight_at) = p.offset;
  std::vector<double> w = initial_weights(model, settings.seed), v(w.size(), 0);
  for (int step = 0; step < 2; ++step) {
    std::vector<double> g(w.size(), 0);
    for (std::int64_t n = 0; n < 8; ++n) {  // gradients are sums over all images, in whatever order
      double x[6], p[3], sum = 0;
      data.train.copy_sample(n, x);
      for (int k = 0; k < 3; ++k) {
        p[k] = w[static_cast<std::size_t>(bias_at + k)];
        for (int i = 0; i < 6; ++i) p[k] += w[static_cast<std::size_t>(weight_at + 6 * k + i)] * x[i];
        sum += p[k] = std::exp(p[k]);
      }
      for (int k = 0; k < 3; ++k) {
        const double d = (p[k] / sum - (data.train.labels[static_cast<std::size_t>(n)] == k ? 1 : 0)) / 8;
        g[static_cast<std::size_t>(bias_at + k)] += d;
        for (int i = 0; i < 6; ++i) g[static_cast<std::size_t>(weight_at + 6 * k + i)] += d * x[i];
      }
    }
    double w2 = 0, g2 = 0;
    for (std::size_t i = 0; i < 18; ++i) {
      w2 += std::pow(w[static_cast<std::size_t>(weight_at) + i], 2);
      g2 += std::pow(g[static_cast<std::size_t>(weight_at) + i], 2);
    }
    const double local = 0.02 * std::sqrt(w2) / (std::sqrt(g2) + 0.001 * std::sqrt(w2));
    for (std::size_t i = 0; i < w.size(); ++i) {
      const bool bias = static_cast<std::int64_t>(i) >= bias_at && static_cast<std::int64_t>(i) < bias_at + 3;
      v[i] = 0.8 * v[i] + 3 * (bias ? 1 : local) * (g[i] + 0.001 * w[i]);
      w[i] -= v[i];
    }
  }
  plan.optimiser = Optimiser::lars;
  REQUIRE(largest_difference(w, train(model, plan, data, settings).values.weights) <= 1e-12);
}

TEST_CASE("LARS is the same on every plan, whoever has which part of a tensor") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 23, 11);
  TrainSettings settings = exact(2);
  settings.lars_trust = 0.05;
  settings.sgd.learning_rate = 0.5;
  Plan serial = plan_on(1, 8);
  const TrainResult sgd = train(model, serial, data, settings);
  serial.optimiser = Optimiser::lars;
  const TrainResult one = train(model, serial, data, settings);
  REQUIRE(largest_difference(one.values.weights, sgd.values.weights) > 1e-3);
  for (const World& world : worlds(8))
    for (const bool overlap : {true, false}) {
      CAPTURE(world.plan, world.request.ranks, world.request.inside, to_string(world.request.scheme), overlap);
      Plan plan = plan_of(world);
      plan.optimiser = Optimiser::lars;
      plan.overlap = overlap;
      const TrainResult result = train(model, plan, data, settings);
      REQUIRE(largest_difference(one.values.weights, result.values.weights) <= 1e-9 * largest(one.values.weights));
    }
  REQUIRE(lars_rate(0.1, 0, 4, 0.5) == 1);
  REQUIRE(lars_rate(0.1, 4, 0, 0.5) == 1);
  REQUIRE(std::abs(lars_rate(0.1, 4, 9, 0.5) - 0.1 * 2 / (3 + 0.5 * 2)) <= 1e-15);
}
