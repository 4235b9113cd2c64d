/// The emulator: every planted mistake is found, at its line, and nothing is found in kernels that are right.
#include <algorithm>
#include <fstream>
#include <map>

#include "reference/core/error.h"
#include "reference/cuda/emulator/emulator.h"
#include "tests/catch.h"
#include "tests/cuda/planted.h"

using namespace convoy;
using namespace convoy::cuda::emulator;
using convoy::test::run_planted;

namespace {

/// "cuda/planted.cpp:31" for the line that ends in "// KIND: NAME"; "" when there is none.
std::string line_of(const std::string& kind, const std::string& name) {
  std::ifstream file(CONVOY_SOURCE_DIR "/tests/cuda/planted.cpp");
  std::string line;
  const std::string wanted = "// " + kind + ": " + name;
  for (int number = 1; std::getline(file, line); ++number)
    if (line.ends_with(wanted)) return cat("cuda/planted.cpp:", number);
  return "";
}

Report report_of(const std::string& name) {
  report();
  run_planted(name);
  return report(true);
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// A problem of this kind at the planted line, saying this, and none at any line but those that were planted.
void check_planted(const std::string& name, Fault fault, const std::string& says) {
  const Report found = report_of(name);
  const std::string planted = line_of("planted", name), other = line_of("other", name);
  INFO(name << ", " << planted << ": " << to_text(found.problems));
  REQUIRE(!planted.empty());
  int matching = 0;
  for (const Problem& problem : found.problems) {
    REQUIRE((problem.place == planted || problem.place == other));
    const bool says_so = contains(problem.sentence, says) && contains(problem.sentence, other);
    if (problem.fault == fault && problem.place == planted && says_so) ++matching;
  }
  REQUIRE(matching == 1);
}

const PlaceCounts& place_of(const Report& found, const std::string& name, bool store) {
  const auto at = std::find_if(found.places.begin(), found.places.end(), [&](const PlaceCounts& place) {
    return place.place == line_of("planted", name) && place.store == store;
  });
  if (at == found.places.end()) throw std::runtime_error("no access at the planted line of " + name);
  return *at;
}

}  // namespace

TEST_CASE("races are found at both lines") {
  check_planted("missing_barrier", Fault::race, "no barrier lies between");
  check_planted("race_of_writes", Fault::race, "total, element 0");
  check_planted("race_in_a_warp", Fault::race, "tile, element ");
  check_planted("late_write", Fault::race, "tile, element ");
  check_planted("blocks_race", Fault::race, "nothing orders blocks");
}

TEST_CASE("accesses outside of memory are found with name, index and distance") {
  check_planted("out_of_bounds", Fault::out_of_bounds, "reads x[64], 1 behind the last element of x, which has 64");
  check_planted("out_of_bounds_below", Fault::out_of_bounds, "reads x[-1], 1 before the first element of x");
  check_planted("out_of_bounds_store", Fault::out_of_bounds, "writes y[64]");
  check_planted("out_of_bounds_shared", Fault::out_of_bounds, "beside all shared variables");
  check_planted("far_away", Fault::out_of_bounds, "far from all memory");
  check_planted("misaligned", Fault::misaligned, "reads 16 bytes at once at x[1]");
}

TEST_CASE("reads of what nothing has written are found") {
  check_planted("unwritten", Fault::unwritten, "reads y[63], which nothing has written");
  check_planted("unwritten_shared", Fault::unwritten, "tile, element 7");
}

TEST_CASE("barriers and shuffles that not all come to are found") {
  check_planted("barrier_for_some", Fault::barrier, "only 16 of the 64 threads of block (0,0,0)");
  check_planted("two_barriers", Fault::barrier, "others at");
  const Report found = report_of("shuffle_for_some");
  REQUIRE(!found.clean());
  REQUIRE(found.problems[0].place == line_of("planted", "shuffle_for_some"));
  REQUIRE(contains(found.problems[0].sentence, "lane 5 has ended"));
}

TEST_CASE("kernels that are right give their result and no problem") {
  for (const char* name : {"right", "ordered_in_a_warp", "blocks_add", "stride_1", "stride_2", "down_columns", "down_padded_columns", "votes",
                           "tensor_cores"}) {
    const Report found = report_of(name);
    INFO(name << ": " << to_text(found.problems));
    REQUIRE(found.clean());
  }
  const std::vector<float> turned = run_planted("right");
  for (std::size_t i = 0; i < turned.size(); ++i) REQUIRE(turned[i] == static_cast<float>(63 - i));
  const std::vector<float> sums = run_planted("blocks_add");
  REQUIRE(sums[0] == 0 + 2 + 4 + 6);
  REQUIRE(sums[1] == 1 + 3 + 5 + 7);
  const std::vector<float> votes = run_planted("votes");
  REQUIRE(votes[1] == 1000 + 4000 + 1 + 7);     // no lane 3 below: its own
  REQUIRE(votes[10] == 1000 + 4000 + 7 + 7);    // the first warp has no 40, and all are below 32
  REQUIRE(votes[42] == 1000 + 2000 + 39 + 39);  // the second has one
}

TEST_CASE("tensor cores multiply as a plain loop does") {
  const std::vector<float> got = run_planted("tensor_cores");
  for (int row = 0; row < 8; ++row)
    for (int column = 0; column < 8; ++column) {
      float sum = static_cast<float>(1 + column % 2);
      for (int k = 0; k < 8; ++k) sum += static_cast<float>(row * 8 + k) * static_cast<float>(k * 8 + column);
      REQUIRE(got[static_cast<std::size_t>(row * 8 + column)] == sum);
    }
}

TEST_CASE("transactions and bank conflicts are counted, in all and by line") {
  const Report one = report_of("stride_1");
  REQUIRE(one.counts.loads == Traffic{1, 4, 128});
  REQUIRE(one.counts.stores == Traffic{1, 4, 128});
  const Report two = report_of("stride_2");
  REQUIRE(two.counts.loads == Traffic{1, 8, 128});  // every other float: twice the sectors
  REQUIRE(two.counts.stores == Traffic{1, 4, 128});
  const PlaceCounts& strided = place_of(two, "stride_2", false);
  REQUIRE(strided.requests == 1);
  REQUIRE(strided.transactions == 8);
  REQUIRE(strided.first.size() == 32);
  REQUIRE(strided.first[31] == 31 * 8);
  const Report columns = report_of("down_columns");
  REQUIRE(columns.counts.bank_conflicts == 32 * 31);  // 32 loads of 32 lanes in one bank
  REQUIRE(place_of(columns, "down_columns", false).bank_conflicts == 32 * 31);
  REQUIRE(report_of("down_padded_columns").counts.bank_conflicts == 0);
  REQUIRE(report_of("right").counts.barriers == 1);
  REQUIRE(report_of("blocks_add").counts.atomics == 8);
}

TEST_CASE("the same launch gives the same report") {
  for (const std::string& name : convoy::test::planted_names()) {
    INFO(name);
    const Report first = report_of(name);
    const Report second = report_of(name);
    REQUIRE(first.counts == second.counts);
    REQUIRE(to_text(first.problems) == to_text(second.problems));
  }
}

TEST_CASE("memory of the device is given and taken") {
  const std::int64_t before = allocated_bytes();
  void* memory = allocate(1000, "some", 4);
  REQUIRE(allocated_bytes() == before + 1000);
  REQUIRE(is_device_memory(memory, 1000));
  REQUIRE(!is_device_memory(memory, 1001));
  REQUIRE_THROWS_AS(host_wrote(memory, 1001), std::invalid_argument);
  release(memory);
  REQUIRE(allocated_bytes() == before);
  REQUIRE_THROWS_AS(launch("nothing", {1, 1, 1}, {1025, 1, 1}, [](void*) {}, nullptr), std::invalid_argument);
}
