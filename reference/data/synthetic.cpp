#include "reference/data/synthetic.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "reference/core/error.h"
#include "reference/core/random.h"

namespace convoy {
namespace {

constexpr int kWaves = 4;         ///< waves that make up a picture
constexpr int kLargestShift = 2;  ///< pixels

/// Writes one channel of a class's picture, shifted: 0.5 + sum of amplitude * cos(2 pi (f_h * h/H + f_w * w/W + phase)).
/// out: H*W, overwritten. cos(a + b) = cos a cos b - sin a sin b, so a wave costs H + W cosines and not H * W.
void draw_picture(Random random, const Shape& image, int shift_h, int shift_w, std::vector<double>& out) {
  const auto rows = static_cast<std::size_t>(image.h), columns = static_cast<std::size_t>(image.w);
  out.assign(rows * columns, 0.5);
  std::vector<double> cosine(columns), sine(columns);
  for (int wave = 0; wave < kWaves; ++wave) {
    const double amplitude = random.uniform(0.08, 0.16);
    const double radians_h = 2 * std::numbers::pi * random.uniform(-2, 2) / image.h;
    const double radians_w = 2 * std::numbers::pi * random.uniform(-2, 2) / image.w;
    const double phase = 2 * std::numbers::pi * random.uniform();
    for (std::size_t w = 0; w < columns; ++w) {
      cosine[w] = amplitude * std::cos(radians_w * (static_cast<double>(w) + shift_w));
      sine[w] = amplitude * std::sin(radians_w * (static_cast<double>(w) + shift_w));
    }
    for (std::size_t h = 0; h < rows; ++h) {
      const double a = std::cos(radians_h * (static_cast<double>(h) + shift_h) + phase);
      const double b = std::sin(radians_h * (static_cast<double>(h) + shift_h) + phase);
      for (std::size_t w = 0; w < columns; ++w) out[h * columns + w] += a * cosine[w] - b * sine[w];
    }
  }
}

Dataset make_split(const SyntheticSettings& settings, int split, std::int64_t count) {
  Dataset data{.name = split == 0 ? "synthetic train" : "synthetic test",
               .image = settings.image.with_batch(1),
               .classes = settings.classes,
               .pixels = {},
               .labels = {}};
  data.pixels.reserve(static_cast<std::size_t>(count * settings.image.sample_count()));
  std::vector<double> picture;
  for (std::int64_t i = 0; i < count; ++i) {
    Random random(random_bits(settings.seed, 2, split, i));
    const int label = static_cast<int>(i % settings.classes);
    const int shift_h = static_cast<int>(random.below(2 * kLargestShift + 1)) - kLargestShift;
    const int shift_w = static_cast<int>(random.below(2 * kLargestShift + 1)) - kLargestShift;
    const double half_range = settings.noise * std::numbers::sqrt3;  // a uniform number in +-a has standard deviation a/sqrt(3)
    for (int c = 0; c < data.image.c; ++c) {
      draw_picture(Random(random_bits(settings.seed, 1, label, c)), data.image, shift_h, shift_w, picture);
      for (const double value : picture) {
        const double noisy = value + random.uniform(-half_range, half_range);
        data.pixels.push_back(static_cast<std::uint8_t>(std::clamp(std::lround(255 * noisy), 0L, 255L)));
      }
    }
    data.labels.push_back(label);
  }
  return data;
}

}  // namespace

TrainingData make_synthetic(const SyntheticSettings& settings) {
  require(settings.image.sample_count() > 0, "make_synthetic", "images of ", to_string(settings.image));
  require(settings.classes > 0, "make_synthetic", settings.classes, " classes");
  require(settings.train_count > 0 && settings.test_count > 0, "make_synthetic", settings.train_count, " and ",
          settings.test_count, " images");
  TrainingData data{.train = make_split(settings, 0, settings.train_count), .test = make_split(settings, 1, settings.test_count)};
  normalise(data);
  return data;
}

}  // namespace convoy
