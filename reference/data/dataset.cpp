#include "reference/data/dataset.h"

#include <array>
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

void normalise(TrainingData& data) {
  std::array<std::int64_t, 256> histogram{};
  for (const std::uint8_t pixel : data.train.pixels) ++histogram.at(pixel);
  double sum = 0, sum_of_squares = 0;
  for (std::size_t value = 0; value < histogram.size(); ++value) {
    const double x = static_cast<double>(value) / 255.0;
    sum += x * static_cast<double>(histogram.at(value));
    sum_of_squares += x * x * static_cast<double>(histogram.at(value));
  }
  const double count = std::max(1.0, static_cast<double>(data.train.pixels.size()));
  const double mean = sum / count;
  const double variance = sum_of_squares / count - mean * mean;
  for (Dataset* split : {&data.train, &data.test}) {
    split->mean = mean;
    split->deviation = variance > 1e-12 ? std::sqrt(variance) : 1.0;
  }
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
