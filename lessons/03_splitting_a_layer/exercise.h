/// The exercise of lesson 3.
#pragma once

#include <cstdint>

namespace convoy::lesson {

/// A convolution with stride 1 whose padding keeps rows and columns as they are, or a linear layer.
struct LayerSizes {
  bool linear = false;
  std::int64_t images = 1;        ///< of a step; all ranks work on all of them
  std::int64_t in_channels = 1;   ///< of a linear layer: values that it reads of an image
  std::int64_t out_channels = 1;  ///< filters; of a linear layer: values that it makes of an image
  std::int64_t rows = 1;          ///< of input and output; of a linear layer 1
  std::int64_t columns = 1;       ///< the same
  std::int64_t window_rows = 1;   ///< 3 for a 3x3 window
  std::int64_t learned = 0;       ///< weights and biases
};

enum class Split { filter, channel, rows };

/// The split under which a rank sends the fewest bytes in a training step, forward and backward, when the layers before and after
/// are split in the same way. The rank has neighbours above and below (so there are at least three), and everything divides
/// evenly. A linear layer has no rows to split.
Split cheapest(const LayerSizes& layer, int ranks);

}  // namespace convoy::lesson
