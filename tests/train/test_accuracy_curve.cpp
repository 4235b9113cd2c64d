/// Evaluations while training goes on: they change nothing, and training stops where it should.
#include <cmath>

#include "reference/core/error.h"
#include "reference/train/trainer.h"
#include "tests/catch.h"
#include "tests/train/tiny.h"
#include "tests/train/worlds.h"

using namespace convoy;

TEST_CASE("evaluations in between leave weights as they are, and the last one of an epoch is that of the epoch") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 23, 11);  // batches of 8: two full steps and one of 7
  for (const World& world : worlds(8)) {
    CAPTURE(world.plan, world.request.ranks);
    TrainSettings settings = exact(3);
    const TrainResult plain = train(model, plan_of(world), data, settings);
    settings.evaluate_every = 2;
    const TrainResult often = train(model, plan_of(world), data, settings);
    REQUIRE(often.values == plain.values);
    REQUIRE(plain.curve.size() == 3);
    REQUIRE(often.curve.size() == 6);  // after steps 2, 3, 4, 6, 8 and 9
    std::size_t epoch = 0;
    for (std::size_t i = 0; i < often.curve.size(); ++i) {
      const AccuracyPoint& point = often.curve[i];
      REQUIRE(point.steps == std::vector<std::int64_t>{2, 3, 4, 6, 8, 9}.at(i));
      REQUIRE(point.epochs == Approx(static_cast<double>(point.steps) / 3));
      if (i > 0) REQUIRE(point.time_s >= often.curve[i - 1].time_s);
      if (point.steps % 3 != 0) continue;
      REQUIRE(point.test_loss == plain.curve.at(epoch).test_loss);
      REQUIRE(point.test_accuracy == plain.epochs.at(epoch).test_accuracy);
      ++epoch;
    }
  }
}

TEST_CASE("training stops with the accuracy that it was to have, and goes on from there") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 24, 12);
  const Plan plan = make_plan("data", {.ranks = 2, .global_batch = 4});
  TrainSettings settings = exact(4);  // of 6 steps
  settings.evaluate_every = 1;
  const TrainResult whole = train(model, plan, data, settings);
  REQUIRE(whole.curve.size() == 24);
  double best = 0;
  std::size_t first = 0;
  for (std::size_t i = 0; i < 22; ++i)
    if (whole.curve[i].test_accuracy > best) {
      best = whole.curve[i].test_accuracy;
      first = i;
    }
  std::optional<Checkpoint> last;
  settings.until_accuracy = best;
  settings.on_checkpoint = [&](const Checkpoint& checkpoint) { last = checkpoint; };
  const TrainResult cut = train(model, plan, data, settings);
  REQUIRE(cut.curve.size() == first + 1);
  REQUIRE(cut.curve.back().test_accuracy == best);
  REQUIRE(cut.epochs.back().steps == cut.curve.back().steps);
  REQUIRE(cut.epochs.back().test_accuracy == best);
  REQUIRE(cut.epochs.back().images == 4 * ((cut.curve.back().steps - 1) % 6 + 1));
  REQUIRE(last->step == cut.curve.back().steps);
  settings.resume = last;
  settings.until_accuracy = {};
  REQUIRE(train(model, plan, data, settings).values == whole.values);
}

TEST_CASE("local SGD counts epochs by updates, also where the last round is a short one") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 40, 8);
  const Plan plan = make_plan("local_sgd", {.ranks = 2, .global_batch = 4, .local = {.steps = 4}});  // rounds of 4, 4 and 2 steps
  TrainSettings settings = exact(1);
  settings.evaluate_every = 1;
  const TrainResult result = train(model, plan, data, settings);
  REQUIRE(result.curve.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) REQUIRE(result.curve[i].epochs == Approx(std::vector<double>{0.4, 0.8, 1}.at(i)));
}

TEST_CASE("what has diverged stops, and takes the place of no checkpoint") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 40, 8);
  TrainSettings settings = exact(2);
  settings.sgd.learning_rate = 1e200;
  settings.checkpoint_every = 2;
  int saved = 0;
  settings.on_checkpoint = [&](const Checkpoint& checkpoint) {
    ++saved;
    for (const double weight : checkpoint.values.weights) REQUIRE(std::isfinite(weight));
  };
  for (const std::int64_t every : {0, 2}) {
    settings.evaluate_every = every;
    const TrainResult result = train(model, make_plan("data", {.ranks = 2, .global_batch = 4}), data, settings);
    REQUIRE(result.diverged.find("training diverged") != std::string::npos);
    REQUIRE(saved == 0);
  }
}
