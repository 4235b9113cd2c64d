// expect: stage 1 divides the momentum and leaves the gradients whole
#include "exercise.h"

namespace convoy::lesson {
namespace {

std::int64_t part(std::int64_t whole, std::int64_t parts) { return (whole + parts - 1) / parts; }

}  // namespace

/// Divides gradients one stage too early.
std::int64_t needed_bytes(const Training& training, const Setting& setting) {
  const std::int64_t all = training.weight_bytes;
  const std::int64_t own = part(all, training.ranks);
  const std::int64_t two_buckets = 2 * training.bucket_bytes;
  const std::int64_t weights = setting.zero >= 3 ? own + two_buckets : all;
  const std::int64_t gradients = setting.zero >= 1 ? two_buckets : all;
  const std::int64_t momentum = setting.zero >= 1 ? own : all;
  const std::int64_t images = part(part(training.images, training.ranks), setting.accumulate);
  return weights + gradients + momentum + images * training.activation_bytes_an_image;
}

int choose(const Training& training, const std::vector<Setting>& settings, std::int64_t device_bytes) {
  for (std::size_t i = 0; i < settings.size(); ++i)
    if (needed_bytes(training, settings[i]) <= device_bytes) return static_cast<int>(i);
  return -1;
}

}  // namespace convoy::lesson
