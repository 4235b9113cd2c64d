/// Synthetic data: labelled images of any size that a network can learn, from a seed.
#pragma once

#include <cstdint>

#include "reference/data/dataset.h"

namespace convoy {

struct SyntheticSettings {
  Shape image{1, 1, 28, 28};
  int classes = 10;
  std::int64_t train_count = 4096;
  std::int64_t test_count = 1024;
  std::uint64_t seed = 1;
  double noise = 0.15;  ///< standard deviation of the noise on every pixel, where the range of pixels is 1
};

/// Each class is a smooth random picture (a sum of a few waves for each channel); an image is its class's picture, shifted by up
/// to two pixels, plus noise. Classes take turns, so they are equally frequent; image i depends on the seed, its split and i
/// only.
TrainingData make_synthetic(const SyntheticSettings& settings);

}  // namespace convoy
