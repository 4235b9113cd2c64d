// expect: more registers than there are
#include <algorithm>

#include "exercise.h"

namespace convoy::lesson {

/// Only the sums in registers.
Tile best_tile(const Core& core, int width, int vectors) {
  Tile best;
  double least_cycles = 1e300;
  double least_loads = 1e300;
  for (int p = 1; p <= width; ++p)
    for (int v = 1; v <= vectors; ++v) {
      if (p * v > core.registers) continue;
      const double tiles = ((width + p - 1) / p) * ((vectors + v - 1) / v);
      const double cycles = tiles * std::max(static_cast<double>(p * v) / core.multiply_adds_a_cycle,
                                             static_cast<double>(p + v) / core.loads_a_cycle);
      const double loads = tiles * (p + v);
      if (cycles < least_cycles || (cycles == least_cycles && loads < least_loads)) {
        best = {p, v};
        least_cycles = cycles;
        least_loads = loads;
      }
    }
  return best;
}

}  // namespace convoy::lesson
