#include "reference/cpu/blocked/tiles_body.h"

namespace convoy::cpu::blocked {

TileFunction tile_function(std::int64_t x_step, int pixels, int filter_blocks) {
  switch (x_step) {
    case 16: return tile_of_step<16>(pixels, filter_blocks);  // blocked x, stride 1
    case 32: return tile_of_step<32>(pixels, filter_blocks);  // blocked x, stride 2
    default: return plain_tile(x_step, pixels, filter_blocks);
  }
}

}  // namespace convoy::cpu::blocked
