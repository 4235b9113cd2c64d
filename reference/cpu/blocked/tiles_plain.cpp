#include "reference/cpu/blocked/tiles_body.h"

namespace convoy::cpu::blocked {

TileFunction plain_tile(std::int64_t x_step, int pixels, int filter_blocks) {
  switch (x_step) {
    case 1: return tile_of_step<1>(pixels, filter_blocks);
    case 2: return tile_of_step<2>(pixels, filter_blocks);
    case 4: return tile_of_step<4>(pixels, filter_blocks);
    default: return tile_of_step<0>(pixels, filter_blocks);
  }
}

}  // namespace convoy::cpu::blocked
