/// The training loop on plans: every plan trains for epochs, short last batch and evaluation included, to what one rank comes to,
/// and goes on from what any other plan and world size left.
#include "reference/train/trainer.h"
#include "tests/catch.h"
#include "tests/train/tiny.h"
#include "tests/train/worlds.h"

using namespace convoy;

TEST_CASE("every plan trains and evaluates to what one rank comes to") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 23, 11);  // batches of 8 leave 7, and the test split leaves 3
  const TrainSettings settings = exact(2);
  const TrainResult serial = train(model, make_plan("data", {.ranks = 1, .global_batch = 8}), data, settings);
  for (const World& world : worlds(8)) {
    CAPTURE(world.plan, world.request.ranks, world.request.inside, to_string(world.request.scheme));
    const TrainResult result = train(model, plan_of(world), data, settings);
    REQUIRE(largest_difference(serial.values.weights, result.values.weights) <= 1e-9 * largest(serial.values.weights));
    REQUIRE(result.epochs.size() == 2);
    for (std::size_t e = 0; e < 2; ++e) {
      REQUIRE(std::abs(result.epochs[e].train_loss - serial.epochs[e].train_loss) <= 1e-9);
      REQUIRE(result.epochs[e].train_accuracy == serial.epochs[e].train_accuracy);
      REQUIRE(std::abs(result.epochs[e].test_loss - serial.epochs[e].test_loss) <= 1e-9);
      REQUIRE(result.epochs[e].test_accuracy == serial.epochs[e].test_accuracy);
    }
  }
}

TEST_CASE("what one plan has trained, every other goes on with") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 24, 8);
  TrainSettings settings = exact(1);
  settings.sgd.momentum = 0;  // momentum begins anew
  const TrainResult first = train(model, make_plan("spatial", {.ranks = 2, .global_batch = 8}), data, settings);
  settings.start = first.values;
  const TrainResult serial = train(model, make_plan("data", {.ranks = 1, .global_batch = 8}), data, settings);
  REQUIRE(largest_difference(serial.values.weights, first.values.weights) > 1e-3);  // it has gone on
  for (const World& world : worlds(8)) {
    CAPTURE(world.plan, world.request.ranks, world.request.inside, to_string(world.request.scheme));
    const TrainResult result = train(model, plan_of(world), data, settings);
    REQUIRE(largest_difference(serial.values.weights, result.values.weights) <= 1e-9 * largest(serial.values.weights));
  }
}

TEST_CASE("running statistics are those of the first rank, and evaluation uses them") {
  ModelBuilder net("normed", {1, 2, 6, 6}, 3);
  net.add("conv", Conv2d{4, square_window(3, 1, 1), false});
  net.add("norm", BatchNorm2d{});
  net.add("relu", ReLU{});
  net.add("average", GlobalAvgPool2d{});
  net.add("flatten", Flatten{});
  net.add("fc", Linear{3});
  const Model model = net.finish();
  const TrainingData data = tiny_data(model, 24, 9);
  const TrainSettings settings = exact(2);
  const TrainResult serial = train(model, make_plan("data", {.ranks = 1, .global_batch = 8}), data, settings);
  REQUIRE(largest_difference(serial.values.states, initial_states(model)) > 1e-3);
  for (const char* name : {"filter", "channel", "megatron", "spatial"}) {  // all images everywhere: nothing may differ
    CAPTURE(name);
    const TrainResult result = train(model, make_plan(name, {.ranks = 2, .global_batch = 8}), data, settings);
    REQUIRE(largest_difference(serial.values.states, result.values.states) <= 1e-9);
    REQUIRE(std::abs(result.epochs[1].test_loss - serial.epochs[1].test_loss) <= 1e-9);
  }
  Plan synchronised = make_plan("data", {.ranks = 3, .global_batch = 8});
  synchronised.synchronised_statistics = true;
  REQUIRE(largest_difference(serial.values.states, train(model, synchronised, data, settings).values.states) <= 1e-9);
  synchronised.synchronised_statistics = false;
  REQUIRE(largest_difference(serial.values.states, train(model, synchronised, data, settings).values.states) > 1e-6);
}

TEST_CASE("scheme c trains too, and falls back to a for the last images of an epoch") {
  ModelBuilder net("late_dropout", {1, 2, 6, 6}, 3);
  net.add("conv", Conv2d{4, square_window(3)});
  net.add("relu", ReLU{});
  net.add("flatten", Flatten{});
  net.add("fc1", Linear{7});
  net.add("drop", Dropout{0.3});
  net.add("fc2", Linear{3});
  const Model model = net.finish();
  const TrainingData data = tiny_data(model, 23, 11);
  const TrainSettings settings = exact(2);
  const TrainResult serial = train(model, make_plan("data", {.ranks = 1, .global_batch = 8}), data, settings);
  const Plan plan = make_plan("one_weird_trick", {.ranks = 2, .global_batch = 8, .scheme = ExchangeScheme::c});
  const TrainResult result = train(model, plan, data, settings);
  REQUIRE(largest_difference(serial.values.weights, result.values.weights) <= 1e-9 * largest(serial.values.weights));
  REQUIRE(result.epochs[1].test_accuracy == serial.epochs[1].test_accuracy);
}
