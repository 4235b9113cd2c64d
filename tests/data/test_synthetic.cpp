#include <limits>

#include "reference/data/synthetic.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

/// Share of test images whose nearest class mean of the training images is their class's.
double nearest_mean_accuracy(const TrainingData& data) {
  const auto size = static_cast<std::size_t>(data.train.image.sample_count());
  const auto classes = static_cast<std::size_t>(data.train.classes);
  std::vector<std::vector<double>> means(classes, std::vector<double>(size, 0));
  std::vector<double> counts(classes, 0), sample(size);
  for (std::int64_t i = 0; i < data.train.count(); ++i) {
    const auto label = static_cast<std::size_t>(data.train.labels[static_cast<std::size_t>(i)]);
    data.train.copy_sample(i, sample.data());
    counts[label] += 1;
    for (std::size_t k = 0; k < size; ++k) means[label][k] += sample[k];
  }
  int correct = 0;
  for (std::int64_t i = 0; i < data.test.count(); ++i) {
    data.test.copy_sample(i, sample.data());
    std::size_t best = 0;
    double best_distance = std::numeric_limits<double>::infinity();
    for (std::size_t label = 0; label < classes; ++label) {
      double distance = 0;
      for (std::size_t k = 0; k < size; ++k) {
        const double difference = sample[k] - means[label][k] / counts[label];
        distance += difference * difference;
      }
      if (distance < best_distance) {
        best = label;
        best_distance = distance;
      }
    }
    correct += static_cast<int>(best) == data.test.labels[static_cast<std::size_t>(i)] ? 1 : 0;
  }
  return static_cast<double>(correct) / static_cast<double>(data.test.count());
}

}  // namespace

TEST_CASE("synthetic data follows from its seed") {
  const SyntheticSettings settings{.image = {1, 2, 6, 5}, .classes = 3, .train_count = 20, .test_count = 9, .seed = 7};
  const TrainingData one = make_synthetic(settings), two = make_synthetic(settings);
  REQUIRE(one.train.pixels == two.train.pixels);
  REQUIRE(one.test.pixels == two.test.pixels);
  REQUIRE(one.train.labels == two.train.labels);
  SyntheticSettings other = settings;
  other.seed = 8;
  REQUIRE(make_synthetic(other).train.pixels != one.train.pixels);
}

TEST_CASE("synthetic images do not depend on how many there are, and the splits differ") {
  SyntheticSettings settings{.image = {1, 1, 8, 8}, .classes = 4, .train_count = 12, .test_count = 12, .seed = 3};
  const TrainingData few = make_synthetic(settings);
  settings.train_count = 40;
  const TrainingData many = make_synthetic(settings);
  REQUIRE(std::equal(few.train.pixels.begin(), few.train.pixels.end(), many.train.pixels.begin()));
  REQUIRE(few.train.pixels != few.test.pixels);
}

TEST_CASE("synthetic data has the shape, the classes and the spread that were asked for") {
  const TrainingData data =
      make_synthetic({.image = {1, 3, 32, 24}, .classes = 7, .train_count = 70, .test_count = 21, .seed = 5});
  REQUIRE(data.train.count() == 70);
  REQUIRE(data.test.count() == 21);
  REQUIRE(data.train.pixels.size() == 70U * 3 * 32 * 24);
  REQUIRE(std::count(data.train.labels.begin(), data.train.labels.end(), 6) == 10);
  REQUIRE(data.train.deviation.front() >= 0.1);
  REQUIRE(data.train.deviation.front() <= 0.4);
}

TEST_CASE("synthetic classes can be told apart, and not when there is no signal") {
  SyntheticSettings settings{.image = {1, 1, 28, 28}, .classes = 10, .train_count = 500, .test_count = 200, .seed = 1};
  REQUIRE(nearest_mean_accuracy(make_synthetic(settings)) >= 0.9);
  settings.noise = 100;
  REQUIRE(nearest_mean_accuracy(make_synthetic(settings)) <= 0.3);
}
