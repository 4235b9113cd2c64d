/// The innermost loop of weight gradients: channels of one block by filters of one block, in registers over many pixels.
#pragma once

#include <cstdint>

namespace convoy::cpu::blocked {

/// Consecutive pixels of several rows in dy and in x.
struct Pixels {
  const float* dy = nullptr;
  const float* x = nullptr;
  int rows = 0, columns = 0;
  std::int64_t dy_row = 0, x_row = 0, x_step = 0;  ///< floats
};

/// total[lane][16] += sum over pixels of dy[16] x[lane], for `lanes` channels, 1 to 16.
using AddProducts = void (*)(const Pixels&, float* total);
AddProducts add_products_function(int lanes);

}  // namespace convoy::cpu::blocked
