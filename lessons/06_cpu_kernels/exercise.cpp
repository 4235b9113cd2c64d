// expect: best_tile says one pixel and one vector so far
#include "exercise.h"

namespace convoy::lesson {

Tile best_tile(const Core& core, int width, int vectors) {
  // Your lines come here. There are few tiles: try all of them that fit into the registers, and keep the best.
  static_cast<void>(core), static_cast<void>(width), static_cast<void>(vectors);
  return {};
}

}  // namespace convoy::lesson
