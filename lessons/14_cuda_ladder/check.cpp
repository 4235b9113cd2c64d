/// The check of lesson 14: runs blur on the emulator, compares it with plain loops, and looks at what it asked of memory.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "exercise.h"
#include "lessons/lesson.h"
#include "reference/cuda/emulator/emulator.h"
#include "reference/cuda/runtime.h"

namespace convoy::lesson {
namespace {

namespace emulated = cuda::emulated;
namespace emulator = cuda::emulator;

/// Sectors that blur may load for every sector of x: tiles of any sensible shape with their halo stay below.
constexpr double kMostSectors = 3;
/// A thread that loads all nine numbers needs some nine.
constexpr double kEveryNeighbour = 6;

struct Case {
  int rows, columns;
};

std::vector<float> wanted(const Case& c, const std::vector<float>& x) {
  std::vector<float> y;
  for (int row = 0; row < c.rows; ++row)
    for (int column = 0; column < c.columns; ++column) {
      float sum = 0;
      for (int r = std::max(row - 1, 0); r <= std::min(row + 1, c.rows - 1); ++r)
        for (int q = std::max(column - 1, 0); q <= std::min(column + 1, c.columns - 1); ++q)
          sum += x[static_cast<std::size_t>(r * c.columns + q)];
      y.push_back(sum);
    }
  return y;
}

/// What to do about a problem.
std::string advice(const emulator::Problem& problem) {
  switch (problem.fault) {
    case emulator::Fault::out_of_bounds: return "There is no such number: the halo of a tile at the edge reaches over the matrix.";
    case emulator::Fault::unwritten: return "Nothing has written that number before: every number of the tile that is read must be loaded, too.";
    case emulator::Fault::race: return "Two threads touch it and no barrier lies between: all must have loaded before one adds up.";
    case emulator::Fault::barrier: return "A barrier is where not all threads of a block come to: those without an output must help to load, too.";
    case emulator::Fault::fence: return "Tensor cores read it: warpgroup_publish() must come between the write and the barrier.";
    case emulator::Fault::misaligned: return "Four floats at once must begin at a multiple of 16 bytes.";
  }
  return "";
}

/// The mistake that says most: what a race leaves behind looks like something never written, and a thread that went away early, too.
const emulator::Problem& worst_of(const std::vector<emulator::Problem>& problems) {
  const emulator::Problem* worst = &problems.front();
  for (const emulator::Fault fault : {emulator::Fault::barrier, emulator::Fault::race, emulator::Fault::out_of_bounds})
    for (const emulator::Problem& problem : problems)
      if (problem.fault == fault) return problem;
  return *worst;
}

void compare(const Case& c, const std::vector<float>& got, const std::vector<float>& want) {
  for (int i = 0; i < c.rows * c.columns; ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (got[at] == want[at]) continue;
    const std::string where = cat("y[", i / c.columns, "][", i % c.columns, "] of a matrix of ", c.rows, " x ", c.columns, " is ", got[at],
                                  " and should be ", want[at], ".");
    if (std::isnan(got[at])) throw NotYet(where + "\nNo thread has written it.");
    const bool somewhere_right = std::equal(got.begin(), got.begin() + 1, want.begin());
    throw NotYet(where + (somewhere_right ? "\nOther places are right: is it at the edge of your tiles, where the halo is?" : ""));
  }
}

/// Whether neighbouring lanes of some load lie 128 bytes apart or more.
bool goes_down(const emulator::Report& report) {
  return std::any_of(report.places.begin(), report.places.end(), [](const emulator::PlaceCounts& place) {
    return !place.store && !place.shared && place.first.size() == 32 && std::abs(place.first[2] - place.first[1]) >= 128;
  });
}

void check_one(const Case& c) {
  const std::int64_t count = std::int64_t{c.rows} * c.columns;
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) values.push_back(static_cast<float>((i * 37 + i / 7) % 101));
  std::vector<float> got(static_cast<std::size_t>(count), std::numeric_limits<float>::quiet_NaN());
  auto* x = static_cast<float*>(emulated::allocate(4 * count, "x"));
  auto* y = static_cast<float*>(emulated::allocate(4 * count, "y"));
  emulated::upload(x, values.data(), 4 * count);
  emulator::report();
  emulated::blur(c.rows, c.columns, x, y);
  const emulator::Report report = emulator::report(true);
  emulated::download(got.data(), y, 4 * count);
  emulated::release(x);
  emulated::release(y);
  if (!report.clean()) {
    const emulator::Problem& worst = worst_of(report.problems);
    throw NotYet(cat("at ", worst.place, ": ", worst.sentence, ".\n", advice(worst)));
  }
  compare(c, got, wanted(c, values));
  const double sectors = static_cast<double>(count) / 8;
  const double loaded = static_cast<double>(report.counts.loads.transactions) / sectors;
  if (count < 4000 || loaded <= kMostSectors) return;
  const std::string how_many = cat("It is right, but for every sector of x it loads ", std::round(10 * loaded) / 10, ", and ", kMostSectors,
                                   " are enough.\n");
  if (goes_down(report)) throw NotYet(how_many + "Neighbouring threads load numbers that lie a row apart: let them go along rows.");
  if (loaded >= kEveryNeighbour) throw NotYet(how_many + "It loads every number again for each of its neighbours.");
  throw NotYet(how_many + "Is the tile too small for its halo?");
}

void check_all() {
  for (const Case& c : {Case{64, 96}, Case{37, 70}, Case{1, 1}, Case{3, 50}, Case{50, 3}, Case{64, 64}}) check_one(c);
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
