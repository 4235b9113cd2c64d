/// The exercise of lesson 6.
#pragma once

namespace convoy::lesson {

/// A tile of outputs that stays in registers: so many neighbouring pixels of so many vectors of filters.
struct Tile {
  int pixels = 1;
  int vectors = 1;
  friend bool operator==(const Tile&, const Tile&) = default;
};

/// A processor, as far as a tile can see it.
struct Core {
  int registers = 32;             ///< vectors that it can hold
  int multiply_adds_a_cycle = 1;  ///< of a vector
  int loads_a_cycle = 2;          ///< of a vector, or of one number for all lanes
};

/// The tile with which a row of `width` pixels and `vectors` vectors of filters takes the fewest cycles.
///
/// For every tap of the filter, a tile of p pixels and v vectors takes p*v multiply-adds, and loads v vectors of weights and p
/// numbers of x. Both go on at once, so that its time is the larger of
///
///     p*v / multiply_adds_a_cycle     and     (p + v) / loads_a_cycle     cycles (fractions count).
///
/// The row is covered with whole tiles: ceil(width / p) * ceil(vectors / v) of them, also where a tile reaches over an end.
/// p*v sums, v weights and one number of x must be in registers at the same time.
/// Of tiles that take as long, the one with the fewest loads in all; of those, the one with the fewest pixels.
Tile best_tile(const Core& core, int width, int vectors);

}  // namespace convoy::lesson
