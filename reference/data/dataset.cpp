#include "reference/data/dataset.h"

#include <algorithm>
#include <cmath>

#include "reference/core/error.h"
#include "reference/data/sample.h"

namespace convoy {
namespace {

template <class T>
void copy_plainly(const Dataset& data, std::int64_t index, T* out) {
  Picture scratch;
  write_sample(data, index, nullptr, {}, scratch, out);
}

}  // namespace

void Dataset::copy_sample(std::int64_t index, float* out) const { copy_plainly(*this, index, out); }
void Dataset::copy_sample(std::int64_t index, double* out) const { copy_plainly(*this, index, out); }

void PixelStatistics::add(std::span<const std::uint8_t> pixels) {
  const std::size_t plane = pixels.size() / sums_.size();
  for (std::size_t c = 0; c < sums_.size(); ++c) {
    std::int64_t sum = 0, squares = 0;  // exact: a plane has at most 2^26 pixels
    for (const std::uint8_t pixel : pixels.subspan(c * plane, plane)) {
      sum += pixel;
      squares += std::int64_t{pixel} * pixel;
    }
    sums_[c].values += static_cast<double>(plane);
    sums_[c].sum += static_cast<double>(sum) / 255.0;
    sums_[c].squares += static_cast<double>(squares) / (255.0 * 255.0);
  }
}

void PixelStatistics::normalise(TrainingData& data) const {
  std::vector<double> means, deviations;
  for (const Sums& sums : sums_) {
    const double count = std::max(1.0, sums.values);
    const double mean = sums.sum / count;
    const double variance = sums.squares / count - mean * mean;
    means.push_back(mean);
    deviations.push_back(variance > 1e-12 ? std::sqrt(variance) : 1.0);
  }
  for (Dataset* split : {&data.train, &data.test}) {
    split->mean = means;
    split->deviation = deviations;
  }
}

void normalise(TrainingData& data) {
  PixelStatistics statistics(data.train.image.c);
  const auto size = static_cast<std::size_t>(data.train.image.sample_count());
  const std::span<const std::uint8_t> pixels = data.train.pixels;
  for (std::size_t at = 0; size > 0 && at + size <= pixels.size(); at += size) statistics.add(pixels.subspan(at, size));
  statistics.normalise(data);
}

void require_fits(const Dataset& data, const std::string& model, const Shape& image, int classes) {
  if (data.image != image.with_batch(1))
    throw InputError(cat("images of '", data.name, "' are ", to_string(data.image),
                         " (samples x channels x rows x columns), but model '", model, "' takes ", to_string(image.with_batch(1)),
                         "; use other data, for example --data synthetic"));
  if (data.classes > classes)
    throw InputError(cat("'", data.name, "' has ", data.classes, " classes, but model '", model, "' tells only ", classes,
                         " apart; use other data, for example --data synthetic"));
}

}  // namespace convoy
