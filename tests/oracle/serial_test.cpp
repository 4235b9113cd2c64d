/// The oracle itself: its gradients are those of central differences of its loss, through forks, Add, Concat and statistics
/// groups, and its running statistics are those that a definition of its own gives.
#include <algorithm>
#include <cmath>

#include "reference/data/synthetic.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"
#include "tests/catch.h"
#include "tests/oracle/serial.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

/// Every kind of layer in little: forks, a skip, groups, a depthwise convolution.
Model small_graph() {
  ModelBuilder net("graph", {1, 3, 9, 7}, 4);
  const int conv = net.add("conv", Conv2d{6, square_window(3, 1, 1), false});
  const int norm = net.add("bn", BatchNorm2d{.epsilon = 1e-3, .momentum = 0.25});
  const int relu = net.add("relu", ReLU{});
  const int grouped = net.add("grouped", Conv2d{6, square_window(3, 1, 1), true, 3});
  const int depthwise = net.add("depthwise", Conv2d{6, square_window(3, 1, 1), true, 6}, {relu});
  const int sum = net.add("add", Add{}, {grouped, relu, depthwise});
  net.add("lrn", LocalResponseNorm{.size = 3, .alpha = 0.5, .beta = 0.75, .k = 1}, {sum});
  const int pool = net.add("pool", MaxPool2d{square_window(3, 2, 1)});
  const int image = net.add("image_pool", MaxPool2d{square_window(3, 2, 1)}, {kImages});
  net.add("concat", Concat{}, {pool, image, pool});
  net.add("bn2", BatchNorm2d{});
  net.add("drop", Dropout{0.25});
  net.add("average", GlobalAvgPool2d{});
  net.add("fc", Linear{4});
  REQUIRE(norm == conv + 1);
  return net.finish();
}

Dataset data_for(const Model& model) {
  return make_synthetic(
             {.image = model.image, .classes = model.classes, .train_count = 30, .test_count = 1, .seed = 3, .noise = 0.3})
      .train;
}

/// Weights around the starting ones, so that no gamma is 1 and no beta is 0.
std::vector<double> moved_weights(const Model& model) {
  std::vector<double> weights = initial_weights(model, 9);
  Random random(4);
  for (double& w : weights) w += random.uniform(-0.1, 0.1);
  return weights;
}

}  // namespace

TEST_CASE("the oracle's gradients are those of central differences of its loss") {
  const Model model = small_graph();
  const Dataset data = data_for(model);
  for (const std::vector<Slice>& groups : {std::vector<Slice>{}, {{0, 2}, {2, 3}}, {{0, 0}, {0, 4}, {4, 1}}}) {
    OracleSettings settings{.batch = 5, .steps = 1, .sgd = {.learning_rate = 1}, .seed = 2, .statistics_groups = groups};
    Oracle oracle(model, data, settings);
    const std::vector<double> start = moved_weights(model);
    const std::vector<double> after = oracle.train(start);
    const auto loss_at = [&](std::size_t index, double step) {
      std::vector<double> weights = start;
      weights[index] += step;
      (void)oracle.train(weights);
      return oracle.loss();
    };
    constexpr double kStep = 1e-6;
    double largest = 0;
    for (std::size_t i = 0; i < start.size(); ++i) largest = std::max(largest, std::abs(start[i] - after[i]));
    for (const Parameter& parameter : parameters(model)) {
      for (const std::int64_t at : {std::int64_t{0}, parameter.shape.count() / 2, parameter.shape.count() - 1}) {
        const auto index = static_cast<std::size_t>(parameter.offset + at);
        const double expected = (loss_at(index, kStep) - loss_at(index, -kStep)) / (2 * kStep);
        CAPTURE(parameter.name, at, groups.size(), expected);
        REQUIRE(std::abs(start[index] - after[index] - expected) <= 1e-6 * largest);  // the learning rate is 1
      }
    }
  }
}

TEST_CASE("the oracle's running statistics follow the first group, and stay when that is empty") {
  ModelBuilder net("norm", {1, 2, 3, 3}, 2);
  net.add("bn", BatchNorm2d{.epsilon = 1e-5, .momentum = 0.25});  // reads the images, so that its statistics are known
  net.add("fc", Linear{2});
  const Model model = net.finish();
  const Dataset data = data_for(model);
  std::vector<double> images(static_cast<std::size_t>(4 * model.image.sample_count()));
  for (int i = 0; i < 4; ++i) data.copy_sample(i, images.data() + i * model.image.sample_count());

  const auto expected = [&](int samples) {  // of the first so many images: [mean 0, mean 1, variance 0, variance 1]
    std::vector<double> states;
    for (int c = 0; c < 2; ++c) {
      double sum = 0;
      for (int n = 0; n < samples; ++n)
        for (int i = 0; i < 9; ++i) sum += images[static_cast<std::size_t>(n * 18 + c * 9 + i)];
      states.push_back(sum / (9 * samples));
    }
    for (int c = 0; c < 2; ++c) {
      double squares = 0;
      for (int n = 0; n < samples; ++n)
        for (int i = 0; i < 9; ++i)
          squares += std::pow(images[static_cast<std::size_t>(n * 18 + c * 9 + i)] - states[static_cast<std::size_t>(c)], 2);
      states.push_back(squares / (9 * samples - 1));
    }
    for (std::size_t i = 0; i < 4; ++i) states[i] = 0.75 * (i < 2 ? 0 : 1) + 0.25 * states[i];
    return states;
  };
  const auto states_with = [&](std::vector<Slice> groups) {
    Oracle oracle(model, data, {.batch = 4, .steps = 1, .sgd = {}, .seed = 1, .statistics_groups = std::move(groups)});
    (void)oracle.train();
    return oracle.states();
  };
  const auto close = [](const std::vector<double>& a, const std::vector<double>& b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](double x, double y) { return std::abs(x - y) <= 1e-12; });
  };
  REQUIRE(close(states_with({}), expected(4)));
  REQUIRE(close(states_with({{0, 4}}), expected(4)));
  REQUIRE(close(states_with({{0, 1}, {1, 3}}), expected(1)));
  REQUIRE(close(states_with({{0, 3}, {3, 1}}), expected(3)));
  REQUIRE_FALSE(close(states_with({{0, 3}, {3, 1}}), expected(4)));
  REQUIRE(states_with({{0, 0}, {0, 4}}) == initial_states(model));
}

TEST_CASE("statistics groups change what is learned, and must cover the batch") {
  const Model model = small_graph();
  const Dataset data = data_for(model);
  const auto weights_with = [&](std::vector<Slice> groups) {
    return Oracle(model, data,
                  {.batch = 6, .steps = 2, .sgd = {.learning_rate = 0.1}, .seed = 1, .statistics_groups = std::move(groups)})
        .train();
  };
  REQUIRE(weights_with({}) == weights_with({{0, 6}}));
  REQUIRE(weights_with({}) != weights_with({{0, 3}, {3, 3}}));
  for (const std::vector<Slice>& wrong : {std::vector<Slice>{{0, 5}}, {{1, 5}}, {{0, 3}, {2, 4}}, {{0, 3}, {4, 2}}, {{0, 7}}})
    REQUIRE_THROWS_AS(weights_with(wrong), std::invalid_argument);
}

TEST_CASE("the oracle trains ResNet-20: the loss of a batch that it sees again falls") {
  const Model model = make_resnet20();
  const Dataset data = make_synthetic({.image = model.image, .classes = 10, .train_count = 3, .test_count = 1, .seed = 3}).train;
  const auto loss_after = [&](int steps) {
    Oracle oracle(model, data, {.batch = 3, .steps = steps, .sgd = {.learning_rate = 0.02}, .seed = 1, .statistics_groups = {}});
    (void)oracle.train();
    return oracle.loss();
  };
  const double first = loss_after(1);
  REQUIRE(first > 1);
  REQUIRE(loss_after(3) < 0.8 * first);
}
