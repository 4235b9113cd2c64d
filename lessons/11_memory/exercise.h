/// The exercise of lesson 11.
#pragma once

#include <cstdint>
#include <vector>

namespace convoy::lesson {

/// A data-parallel training. All numbers are in 4 bytes, and the optimiser has a momentum for every weight.
struct Training {
  int ranks = 1;
  int images = 1;                              ///< of a step, over all ranks
  std::int64_t weight_bytes = 0;               ///< of all weights together
  std::int64_t activation_bytes_an_image = 0;  ///< kept for the backward pass
  std::int64_t bucket_bytes = 0;
};

/// How it keeps less.
struct Setting {
  int zero = 0;        ///< stage of ZeRO; 0: none
  int accumulate = 1;  ///< parts of a rank's images that go forward and backward one after the other
};

/// The bytes that the rank needs that needs most.
///
/// Without ZeRO it keeps all weights, all gradients and all momentum, and the activations of the images of one part.
/// Stage 1 keeps of the momentum only the rank's own part. Stage 2 also keeps of the gradients two buckets and no more. Stage 3
/// also keeps of the weights the rank's own part, and two buckets of those that it computes with.
/// Whatever cannot be divided evenly is rounded up: some rank has the larger part.
std::int64_t needed_bytes(const Training& training, const Setting& setting);

/// Which of these settings to take: they are sorted by what they cost in time, the cheapest first. -1: none fits.
int choose(const Training& training, const std::vector<Setting>& settings, std::int64_t device_bytes);

}  // namespace convoy::lesson
