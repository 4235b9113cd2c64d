/// wgmma without a GPU: descriptors and the swizzle against the PTX ISA, and what the emulator finds in kernels that use it wrongly.
#include <fstream>
#include <set>

#include "reference/core/error.h"
#include "reference/cuda/emulator/emulator.h"
#include "reference/cuda/ladder/gemm/warpgroup_tile.cuh"
#include "tests/catch.h"
#include "tests/cuda/planted.h"

using namespace convoy;
using namespace convoy::cuda::emulated;
namespace emulator = convoy::cuda::emulator;

namespace {

/// Bits `from` to `to` of a descriptor, both included, as the ISA's table has them.
std::uint64_t bits(std::uint64_t descriptor, int from, int to) {
  return descriptor >> from & ((std::uint64_t{1} << (to - from + 1)) - 1);
}

}  // namespace

TEST_CASE("the fields of a descriptor are those of the ISA's table") {
  const std::uint64_t descriptor = group_tile_descriptor(0x2c00, 16);
  REQUIRE(bits(descriptor, 0, 13) == (0x2c00 + 64) / 16);  // where the part begins
  REQUIRE(bits(descriptor, 14, 15) == 0);
  REQUIRE(bits(descriptor, 16, 29) == 1);  // unused with the swizzle
  REQUIRE(bits(descriptor, 30, 31) == 0);
  REQUIRE(bits(descriptor, 32, 45) == 1024 / 16);  // from eight rows to the next eight
  REQUIRE(bits(descriptor, 46, 51) == 0);          // the tile begins on a multiple of 1024
  REQUIRE(bits(descriptor, 52, 61) == 0);
  REQUIRE(bits(descriptor, 62, 63) == 1);  // 128 bytes
  REQUIRE(group_tile_descriptor(0x2c00, 0) == 0x4000'0040'0001'02c0);
}

TEST_CASE("what a descriptor points to is where the tile has that number") {
  for (const std::uint32_t tile : {0U, 0x400U, 0x7c00U, 0x23400U})
    for (int step = 0; step < kGroupDepth; step += kGroupStep) {
      const std::uint64_t descriptor = group_tile_descriptor(tile, step);
      for (std::uint32_t row = 0; row < 64; ++row)
        for (std::uint32_t k = 0; k < 8; ++k) {
          // Eight rows of 128 bytes are one piece; in it, bits 7 to 9 of the address are xored into bits 4 to 6.
          const auto begin = static_cast<std::uint32_t>(bits(descriptor, 0, 13) * 16);
          const auto pieces = static_cast<std::uint32_t>(bits(descriptor, 32, 45) * 16);
          std::uint32_t address = begin + row / 8 * pieces + row % 8 * 128 + 4 * k;
          address ^= (address >> 7 & 7) << 4;
          const auto index = static_cast<std::uint32_t>(group_tile_index(static_cast<int>(row), step + static_cast<int>(k)));
          REQUIRE(address == tile + 4 * index);
        }
    }
}

TEST_CASE("a tile has a place of its own for every number, and eight banks of its own for a chunk of every eight rows") {
  std::set<int> places;
  for (int row = 0; row < kGroupTile; ++row)
    for (int k = 0; k < kGroupDepth; ++k) places.insert(group_tile_index(row, k));
  REQUIRE(std::ssize(places) == kGroupTileFloats);
  REQUIRE(*places.begin() == 0);
  REQUIRE(*places.rbegin() == kGroupTileFloats - 1);
  for (int k = 0; k < kGroupDepth; k += 4) {
    std::set<int> banks;
    for (int row = 0; row < 8; ++row) {
      REQUIRE(group_tile_index(row, k) % 4 == 0);
      for (int i = 0; i < 4; ++i) {
        REQUIRE(group_tile_index(row, k + i) == group_tile_index(row, k) + i);
        banks.insert(group_tile_index(row, k + i) % 32);
      }
    }
    REQUIRE(banks.size() == 32);
  }
}

TEST_CASE("warpgroups multiply as a plain loop does") {
  for (const char* name : {"right", "fence_behind_barrier"}) {
    emulator::report();
    const std::vector<float> d = test::run_planted_warpgroup(name);
    const emulator::Report found = emulator::report();
    INFO(name << ": " << emulator::to_text(found.problems));
    REQUIRE(found.clean());
    for (int row = 0; row < 64; ++row)
      for (int column = 0; column < 64; ++column) {
        float sum = 0;
        for (int k = 0; k < 8; ++k) sum += static_cast<float>((row % 7 + k) * (column % 5 - k));
        REQUIRE(d[static_cast<std::size_t>(row * 64 + column)] == sum);
      }
  }
}

TEST_CASE("what is wrong about a warpgroup is found at its line") {
  struct Row {
    const char* name;
    emulator::Fault fault;
    const char* says;
  };
  for (const Row& row : {Row{"no_wait", emulator::Fault::barrier, "ends without waiting for it"},
                         Row{"overwritten", emulator::Fault::race, "no barrier lies between"},
                         Row{"no_barrier", emulator::Fault::race, "no barrier lies between"},
                         Row{"half_a_tile", emulator::Fault::unwritten, "which no thread of this block has written"},
                         Row{"other_layout", emulator::Fault::misaligned, "another layout"},
                         Row{"no_fence", emulator::Fault::fence, "no warpgroup_publish() lies between"},
                         Row{"late_fence", emulator::Fault::fence, "no warpgroup_publish() lies between"}}) {
    emulator::report();
    test::run_planted_warpgroup(row.name);
    const emulator::Report found = emulator::report();
    INFO(row.name << ": " << emulator::to_text(found.problems));
    bool seen = false;
    for (const emulator::Problem& problem : found.problems) {
      seen = seen || (problem.fault == row.fault && problem.sentence.find(row.says) != std::string::npos &&
                      problem.place.starts_with("cuda/planted_warpgroup.cpp:"));
    }
    REQUIRE(seen);
  }
}
