/// The check of lesson 6: tries every tile, for several processors and layers.
#include <algorithm>
#include <functional>
#include <string>

#include "exercise.h"
#include "lessons/lesson.h"

namespace convoy::lesson {
namespace {

struct Case {
  const char* name;
  Core core;
  int width;
  int vectors;
};

/// How a tile is judged; a wrong way stands for a mistake.
struct Rules {
  std::function<int(Tile)> registers = [](Tile t) { return t.pixels * t.vectors + t.vectors + 1; };
  std::function<double(const Case&, Tile)> tiles = [](const Case& c, Tile t) {
    return static_cast<double>(((c.width + t.pixels - 1) / t.pixels) * ((c.vectors + t.vectors - 1) / t.vectors));
  };
  std::function<double(const Core&, Tile)> cycles = [](const Core& core, Tile t) {
    return std::max(static_cast<double>(t.pixels * t.vectors) / core.multiply_adds_a_cycle,
                    static_cast<double>(t.pixels + t.vectors) / core.loads_a_cycle);
  };
};

Tile best_by(const Case& c, const Rules& rules) {
  Tile best;
  double least_cycles = 1e300;
  double least_loads = 1e300;
  for (int p = 1; p <= c.width; ++p)
    for (int v = 1; v <= c.vectors; ++v) {
      const Tile tile{p, v};
      if (rules.registers(tile) > c.core.registers) continue;
      const double cycles = rules.tiles(c, tile) * rules.cycles(c.core, tile);
      const double loads = rules.tiles(c, tile) * (p + v);
      if (cycles < least_cycles || (cycles == least_cycles && loads < least_loads)) {
        best = tile;
        least_cycles = cycles;
        least_loads = loads;
      }
    }
  return best;
}

std::string likely_mistake(const Case& c, Tile got) {
  if (got == Tile{}) return "best_tile says one pixel and one vector so far: open exercise.cpp and try all tiles.";
  if (got.pixels < 1 || got.vectors < 1 || got.pixels > c.width || got.vectors > c.vectors)
    return "A tile has at least one pixel and one vector, and no more than there are.";
  if (Rules{}.registers(got) > c.core.registers)
    return cat("It takes more registers than there are: ", got.pixels * got.vectors, " sums, ", got.vectors,
               " weights and one number of x.");
  Rules cut;
  cut.tiles = [](const Case& in, Tile t) { return static_cast<double>(in.width) / t.pixels * in.vectors / t.vectors; };
  if (got == best_by(c, cut))
    return "It would be best if tiles could be cut; but tiles that reach over an end are computed, too.";
  Rules free_loads;
  free_loads.cycles = [](const Core& core, Tile t) {
    return static_cast<double>(t.pixels * t.vectors) / core.multiply_adds_a_cycle;
  };
  if (got == best_by(c, free_loads)) return "It is chosen as if loads were free: see how many it takes for each multiply-add.";
  Rules free_sums;
  free_sums.cycles = [](const Core& core, Tile t) { return static_cast<double>(t.pixels + t.vectors) / core.loads_a_cycle; };
  if (got == best_by(c, free_sums)) return "It is chosen as if multiplying were free: only its loads are few.";
  Rules added;
  added.cycles = [](const Core& core, Tile t) {
    return static_cast<double>(t.pixels * t.vectors) / core.multiply_adds_a_cycle +
           static_cast<double>(t.pixels + t.vectors) / core.loads_a_cycle;
  };
  if (got == best_by(c, added))
    return "It is chosen as if loads and multiply-adds came one after the other; they go on at the same time.";
  return "Another tile takes fewer cycles, or as many with fewer loads.";
}

void check_one(const Case& c) {
  const Tile got = best_tile(c.core, c.width, c.vectors);
  const Tile wanted = best_by(c, {});
  if (got == wanted) return;
  throw NotYet(cat(c.name, ", ", c.width, " pixels in a row and ", c.vectors, " vectors of filters: ", got.pixels, " x ",
                   got.vectors, " is not the best tile.\n", likely_mistake(c, got)));
}

void check_all() {
  const Core wide{.registers = 32, .multiply_adds_a_cycle = 1, .loads_a_cycle = 2};
  const Core twice{.registers = 32, .multiply_adds_a_cycle = 2, .loads_a_cycle = 2};
  const Core narrow{.registers = 16, .multiply_adds_a_cycle = 2, .loads_a_cycle = 2};
  const Core starved{.registers = 32, .multiply_adds_a_cycle = 2, .loads_a_cycle = 1};
  const Case cases[] = {
      {"AVX-512, one multiplier", wide, 17, 5},
      {"AVX-512, one multiplier", wide, 56, 4},
      {"AVX-512, two multipliers", twice, 56, 4},
      {"AVX-512, two multipliers", twice, 14, 16},
      {"AVX2", narrow, 28, 8},
      {"AVX2", narrow, 7, 3},
      {"AVX-512, one load", starved, 13, 5},
      {"AVX-512, one load", starved, 28, 2},
      {"AVX-512, one multiplier", wide, 13, 2},
  };
  for (const Case& c : cases) check_one(c);
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
