#include <numeric>
#include <set>

#include "reference/core/error.h"
#include "reference/cpu/naive/kernels.h"
#include "reference/model/zoo.h"
#include "reference/train/trainer.h"
#include "tests/catch_text.h"
#include "tests/train/tiny.h"
#include "tests/train/worlds.h"

using namespace convoy;

namespace {

Plan data_parallel(int ranks, int global_batch) {
  Plan plan = make_plan("data", {.ranks = ranks, .global_batch = global_batch});
  plan.bucket_bytes = 512;
  return plan;
}

/// The training of a network with one Linear layer, written without schedules: what train() must come to.
std::vector<double> train_by_hand(const Model& model, const TrainingData& data, const TrainSettings& settings, int batch) {
  const int classes = model.classes;
  const auto inputs = static_cast<int>(model.image.sample_count());
  std::int64_t weight_at = 0, bias_at = 0;
  for (const Parameter& parameter : parameters(model)) (parameter.name == "fc.bias" ? bias_at : weight_at) = parameter.offset;
  std::vector<double> w = initial_weights(model, settings.seed), momentum(w.size(), 0);
  for (int epoch = 0; epoch < settings.epochs; ++epoch) {
    const std::vector<std::int64_t> order = shuffled(data.train.count(), settings.seed, epoch);
    for (std::size_t begin = 0; begin < order.size(); begin += static_cast<std::size_t>(batch)) {
      const std::size_t end = std::min(order.size(), begin + static_cast<std::size_t>(batch));
      std::vector<double> gradient(w.size(), 0);
      for (std::size_t n = begin; n < end; ++n) {
        std::vector<double> x(static_cast<std::size_t>(inputs)), p(static_cast<std::size_t>(classes));
        data.train.copy_sample(order[n], x.data());
        double sum = 0;
        for (int k = 0; k < classes; ++k) {
          double logit = w[static_cast<std::size_t>(bias_at + k)];
          for (int i = 0; i < inputs; ++i)
            logit += w[static_cast<std::size_t>(weight_at + k * inputs + i)] * x[static_cast<std::size_t>(i)];
          sum += p[static_cast<std::size_t>(k)] = std::exp(logit);
        }
        const int label = data.train.labels[static_cast<std::size_t>(order[n])];
        for (int k = 0; k < classes; ++k) {
          const double d = (p[static_cast<std::size_t>(k)] / sum - (k == label ? 1 : 0)) / static_cast<double>(end - begin);
          gradient[static_cast<std::size_t>(bias_at + k)] += d;
          for (int i = 0; i < inputs; ++i)
            gradient[static_cast<std::size_t>(weight_at + k * inputs + i)] += d * x[static_cast<std::size_t>(i)];
        }
      }
      for (std::size_t i = 0; i < w.size(); ++i) {
        momentum[i] = settings.sgd.momentum * momentum[i] + gradient[i] + settings.sgd.weight_decay * w[i];
        w[i] -= settings.sgd.learning_rate * momentum[i];
      }
    }
  }
  return w;
}

}  // namespace

TEST_CASE("an epoch uses every image once, in an order that follows from seed and epoch") {
  const std::vector<std::int64_t> order = shuffled(1000, 3, 0);
  REQUIRE(std::set<std::int64_t>(order.begin(), order.end()).size() == 1000);
  REQUIRE(*std::ranges::min_element(order) == 0);
  REQUIRE(*std::ranges::max_element(order) == 999);
  REQUIRE(order == shuffled(1000, 3, 0));
  REQUIRE(order != shuffled(1000, 3, 1));
  REQUIRE(order != shuffled(1000, 4, 0));
  int fixed_points = 0;
  for (std::size_t i = 0; i < order.size(); ++i) fixed_points += order[i] == static_cast<std::int64_t>(i) ? 1 : 0;
  REQUIRE(fixed_points <= 10);  // one is expected
  REQUIRE(shuffled(0, 3, 0).empty());
}

TEST_CASE("training equals a computation by hand, the short last batch included") {
  Model model{"one_layer", {1, 1, 3, 2}, 3, {}};
  model.nodes = {{"fc", Linear{3}, {kImages}}, {"loss", SoftmaxCrossEntropy{}, {0}}};
  const TrainingData data = tiny_data(model);  // 23 images: batches of 5 leave 3
  const TrainSettings settings = exact(2);
  const std::vector<double> expected = train_by_hand(model, data, settings, 5);
  for (const int ranks : {1, 2, 4}) {  // four ranks share three images
    const TrainResult result = train(model, data_parallel(ranks, 5), data, settings);
    CAPTURE(ranks, largest_difference(expected, result.values.weights));
    REQUIRE(largest_difference(expected, result.values.weights) <= 1e-12);
    REQUIRE(result.epochs.size() == 2);
    REQUIRE(result.epochs[0].images == 23);
  }
}

TEST_CASE("a deep network trains alike on any number of ranks, evaluation included") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model);
  const TrainResult serial = train(model, data_parallel(1, 5), data, exact(2));
  for (const int ranks : {2, 3}) {
    const TrainResult parallel = train(model, data_parallel(ranks, 5), data, exact(2));
    REQUIRE(largest_difference(serial.values.weights, parallel.values.weights) <= 1e-9 * largest(serial.values.weights));
    for (std::size_t e = 0; e < 2; ++e) {
      REQUIRE(std::abs(serial.epochs[e].train_loss - parallel.epochs[e].train_loss) <= 1e-9);
      REQUIRE(std::abs(serial.epochs[e].test_loss - parallel.epochs[e].test_loss) <= 1e-9);
      REQUIRE(serial.epochs[e].test_accuracy == parallel.epochs[e].test_accuracy);
    }
  }
}

TEST_CASE("the same seed gives the same weights bit by bit, another seed others") {
  const Model model = make_lenet5();
  const TrainingData data = tiny_data(model, 70, 20);
  for (const int threads : {1, 2}) {
    TrainSettings settings{.epochs = 1, .threads = threads, .seed = 4};
    const TrainResult one = train(model, data_parallel(3, 16), data, settings);
    const TrainResult two = train(model, data_parallel(3, 16), data, settings);
    REQUIRE(one.values.weights == two.values.weights);
    REQUIRE(one.epochs[0].train_loss == two.epochs[0].train_loss);
    settings.seed = 5;
    REQUIRE(train(model, data_parallel(3, 16), data, settings).values.weights != one.values.weights);
  }
}

TEST_CASE("LeNet-5 learns synthetic images in an epoch") {
  const Model model = make_lenet5();
  const TrainingData data = tiny_data(model, 1600, 400);
  const TrainResult result = train(model, data_parallel(2, 32), data, {.epochs = 2});
  CAPTURE(result.epochs[0].train_loss, result.epochs[1].train_loss);
  REQUIRE(result.epochs.back().test_accuracy >= 0.9);
  REQUIRE(result.epochs.back().train_loss <= 0.5);
  TrainSettings frozen{.epochs = 1};
  frozen.sgd.learning_rate = 1e-12;
  REQUIRE(train(model, data_parallel(2, 32), data, frozen).epochs.back().test_accuracy <= 0.5);  // it is the training that learns
}

TEST_CASE("an epoch can be stopped early, and its steps are timed and reported") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model);
  TrainSettings settings{.epochs = 2, .steps_per_epoch = 3};
  std::vector<std::int64_t> steps;
  settings.on_progress = [&](const Progress& p) {
    steps.push_back(p.step);
    CHECK(p.steps == 3);
    CHECK(p.images == p.step * 5);
    REQUIRE(p.loss.has_value());
    CHECK(*p.loss > 0);
    CHECK(std::isfinite(*p.loss));
  };
  const TrainResult result = train(model, data_parallel(2, 5), data, settings);
  REQUIRE(steps == std::vector<std::int64_t>{1, 2, 3, 1, 2, 3});
  REQUIRE(result.epochs[1].images == 15);
  REQUIRE(result.timeline.clock == "steady");
  REQUIRE(check_timeline(result.schedule, 3, result.timeline, 1e-6).empty());
  REQUIRE(result.times.step_time_s > 0);

  steps.clear();
  settings.steps_per_epoch = 0;
  settings.on_progress = [&](const Progress& p) { steps.push_back(p.images); };
  train(model, data_parallel(2, 5), data, settings);
  REQUIRE(steps == std::vector<std::int64_t>{5, 10, 15, 20, 23, 5, 10, 15, 20, 23});
}

TEST_CASE("the first of several timed steps is left out, and the only one counts") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model);
  Transport transport = threads_transport(1);
  transport.run = [](const Schedule& schedule, int iterations, std::vector<RankMemory>& memories, const ComputeFn& compute,
                     const RunOptions& options) {
    Timeline timeline = run_on_threads(schedule, iterations, memories, compute, options);
    const auto ops = static_cast<double>(schedule.program(0).ops.size());
    for (Interval& each : timeline.intervals) {  // the first step takes 100 s, the others 1 s
      const double begin_s = each.iteration == 0 ? 0 : 99 + each.iteration, step_s = each.iteration == 0 ? 100 : 1;
      each.start_s = begin_s + step_s * each.op / ops;
      each.end_s = begin_s + step_s * (each.op + 1) / ops;
    }
    return timeline;
  };
  TrainSettings settings{.epochs = 1};
  for (const int steps : {1, 2, 3, 4}) {
    settings.steps_per_epoch = steps;
    const TrainResult result = train(model, data_parallel(1, 5), data, settings, transport);
    CAPTURE(steps);
    REQUIRE(result.times.iterations == std::max(1, steps - 1));
    REQUIRE(result.times.step_time_s == Approx(steps == 1 ? 100 : 1));
    REQUIRE(result.times.mean_step_time_s == Approx(steps == 1 ? 100 : 1));
  }
}

TEST_CASE("local SGD counts steps as other plans do, and takes every image of an epoch once") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model);  // 23 images: batches of 5 leave 3
  Plan plan = make_plan("local_sgd", {.ranks = 2, .global_batch = 5, .local = {.steps = 2}});
  TrainSettings settings = exact(2);
  std::vector<std::pair<std::int64_t, std::int64_t>> progress;
  settings.on_progress = [&](const Progress& p) {
    progress.emplace_back(p.step, p.images);
    CHECK(p.steps == 5);
  };
  const TrainResult result = train(model, plan, data, settings);
  using Pair = std::pair<std::int64_t, std::int64_t>;
  REQUIRE(progress == std::vector<Pair>{{2, 10}, {4, 20}, {5, 23}, {2, 10}, {4, 20}, {5, 23}});
  REQUIRE(result.epochs[1].images == 23);
  REQUIRE(result.epochs[1].steps == 10);

  settings.on_progress = {};
  settings.steps_per_epoch = 3;  // a round and a half
  const TrainResult stopped = train(model, plan, data, settings);
  REQUIRE(stopped.epochs[1].images == 15);
  REQUIRE(stopped.epochs[1].steps == 6);

  // Rounds of one step are the steps of plan data, the short one included.
  settings.steps_per_epoch = 0;
  plan.local.steps = 1;
  const TrainResult local = train(model, plan, data, settings), with_data = train(model, data_parallel(2, 5), data, settings);
  REQUIRE(largest_difference(with_data.values.weights, local.values.weights) <= 1e-9 * largest(with_data.values.weights));
  for (std::size_t e = 0; e < 2; ++e) REQUIRE(std::abs(local.epochs[e].test_loss - with_data.epochs[e].test_loss) <= 1e-9);
  plan.local.steps = 5;
  REQUIRE_THROWS_WITH(train(model, plan, data, settings), containing("use --local-steps 4 or fewer"));
}

TEST_CASE("a batch as large as the data is one step, a larger one is refused") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model);
  REQUIRE(train(model, data_parallel(2, 23), data, {}).epochs[0].images == 23);
  REQUIRE_THROWS_AS(train(model, data_parallel(2, 24), data, {}), InputError);
}

TEST_CASE("the learning rate falls to zero over the run when asked") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model);
  TrainSettings settings = exact(1);
  settings.steps_per_epoch = 1;
  const std::vector<double> constant = train(model, data_parallel(1, 5), data, settings).values.weights;
  settings.rate.decay = RateDecay::linear;  // the first step has the whole rate
  REQUIRE(train(model, data_parallel(1, 5), data, settings).values.weights == constant);
  settings.steps_per_epoch = 2;
  settings.sgd.momentum = 0;
  const std::vector<double> falling = train(model, data_parallel(1, 5), data, settings).values.weights;
  settings.rate.decay = RateDecay::constant;
  REQUIRE(train(model, data_parallel(1, 5), data, settings).values.weights != falling);
}

TEST_CASE("a run that diverges stops, says so and keeps the epochs before") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model);
  TrainSettings settings{.epochs = 3};
  settings.rate.decay = RateDecay::constant;
  REQUIRE(train(model, data_parallel(2, 5), data, settings).diverged.empty());
  settings.sgd.learning_rate = 1e30;
  const TrainResult first = train(model, data_parallel(2, 5), data, settings);
  CAPTURE(first.diverged);
  REQUIRE(first.epochs.empty());
  REQUIRE(first.diverged.find("loss of epoch 1 is ") != std::string::npos);
  REQUIRE(first.diverged.find("lower --learning-rate (it was 1e+30)") != std::string::npos);

  // A pull that makes the weights of a network with one layer nine times larger in every step, until they are too large.
  Model one_layer{"one_layer", {1, 1, 3, 2}, 3, {}};
  one_layer.nodes = {{"fc", Linear{3}, {kImages}}, {"loss", SoftmaxCrossEntropy{}, {0}}};
  const TrainingData images = tiny_data(one_layer);
  settings.epochs = 40;
  settings.sgd = {.learning_rate = 0.01, .momentum = 0, .weight_decay = 1000};
  const TrainResult later = train(one_layer, data_parallel(1, 5), images, settings);
  CAPTURE(later.diverged, later.epochs.size());
  REQUIRE_FALSE(later.diverged.empty());
  REQUIRE(later.epochs.size() >= 1);
  REQUIRE(later.epochs.size() < 40);
  for (const EpochResult& epoch : later.epochs) {
    CHECK(std::isfinite(epoch.train_loss));
    CHECK(std::isfinite(epoch.test_loss));
  }
  REQUIRE(later.diverged.find("epoch " + std::to_string(later.epochs.size() + 1)) != std::string::npos);
}

TEST_CASE("a rank without images reports no loss") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model);
  std::vector<bool> known;
  TrainSettings settings{.epochs = 1, .steps_per_epoch = 1};
  settings.on_progress = [&](const Progress& p) { known.push_back(p.loss.has_value()); };
  const Plan plan = data_parallel(3, 2);  // two images for three ranks
  train(model, plan, data, settings);
  const Schedule schedule = make_schedule(model, plan);
  REQUIRE(known == std::vector<bool>{schedule.samples(0).count > 0});
}
