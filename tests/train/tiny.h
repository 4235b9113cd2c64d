/// A network with every layer that is small enough for many runs, its data, and comparisons.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "reference/data/synthetic.h"
#include "reference/model/builder.h"

namespace convoy {

/// 2x6x7 images, 4 classes, every kind of layer, windows that are not square and do not fit evenly.
inline Model tiny_model() {
  ModelBuilder net("tiny", {1, 2, 6, 7}, 4);
  net.add("conv1", Conv2d{3, {.kernel_h = 3, .kernel_w = 2, .stride_h = 1, .stride_w = 2, .padding_h = 1, .padding_w = 1}});
  net.add("relu1", ReLU{});
  net.add("pool1", MaxPool2d{{.kernel_h = 2, .kernel_w = 2, .stride_h = 2, .stride_w = 1}});
  net.add("conv2", Conv2d{5, square_window(2), false});
  net.add("flatten", Flatten{});
  net.add("drop", Dropout{0.4});
  net.add("fc1", Linear{6, false});
  net.add("relu2", ReLU{});
  net.add("fc2", Linear{4});
  return net.finish();
}

inline TrainingData tiny_data(const Model& model, std::int64_t train_count = 23, std::int64_t test_count = 11) {
  return make_synthetic(
      {.image = model.image, .classes = model.classes, .train_count = train_count, .test_count = test_count, .seed = 9});
}

inline double largest(const std::vector<double>& values) {
  double result = 0;
  for (const double value : values) result = std::max(result, std::abs(value));
  return result;
}

/// NaN when any value is, so that no tolerance accepts it.
inline double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return std::numeric_limits<double>::infinity();
  double result = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    if (!(difference <= result)) result = difference;
    if (std::isnan(result)) return result;
  }
  return result;
}

}  // namespace convoy
