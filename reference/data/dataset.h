/// Dataset: labelled images, as bytes in memory or as files that are decoded when they are needed, normalised when they are copied
/// out: see sample.h.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "reference/core/shape.h"
#include "reference/data/picture.h"

namespace convoy {

/// Images and labels of one split. An image in memory is stored as sample_count() bytes in the order C, H, W.
struct Dataset {
  std::string name;         ///< "fashion-mnist train"
  Shape image{1, 1, 1, 1};  ///< of one image
  int classes = 0;
  std::vector<std::uint8_t> pixels;  ///< of all images; empty where `pictures` has them
  std::vector<int> labels;   ///< 0 <= label < classes
  std::vector<std::string> class_names = {};  ///< of every label; empty: they have none
  std::vector<double> mean = {0};       ///< of pixel/255 over the training split, by channel; a single one is for all channels
  std::vector<double> deviation = {1};  ///< standard deviation of the same
  /// Puts image `index` into a picture of at least image.h x image.w. Called by several threads at once. Empty: see `pixels`.
  std::function<void(std::int64_t index, Picture& picture)> pictures = {};

  [[nodiscard]] std::int64_t count() const { return static_cast<std::int64_t>(labels.size()); }
  /// Writes (pixel/255 - mean[c]) / deviation[c] of image `index` to out[0 .. sample_count), as write_sample() does without
  /// augmentation. Throws std::invalid_argument when there is no such image.
  void copy_sample(std::int64_t index, float* out) const;
  void copy_sample(std::int64_t index, double* out) const;
};

/// The two splits of a data set, normalised alike.
struct TrainingData {
  Dataset train;
  Dataset test;
};

/// Sums of the pixels of every channel, of which their mean and deviation follow.
class PixelStatistics {
 public:
  explicit PixelStatistics(int channels) : sums_(static_cast<std::size_t>(channels)) {}
  /// The planes of one picture, channels x rows x columns.
  void add(std::span<const std::uint8_t> pixels);
  /// Sets mean and deviation of both splits. A constant channel gets deviation 1.
  void normalise(TrainingData& data) const;

 private:
  struct Sums {
    double values = 0, sum = 0, squares = 0;
  };
  std::vector<Sums> sums_;  ///< by channel
};

/// Sets mean and deviation of both splits from the pixels in memory of the training split.
void normalise(TrainingData& data);

/// Throws an InputError unless the images have this shape and the labels this many classes (a model's).
void require_fits(const Dataset& data, const std::string& model, const Shape& image, int classes);

}  // namespace convoy
