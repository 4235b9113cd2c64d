#include "reference/core/random.h"

#include <bit>
#include <set>
#include <vector>

#include "tests/catch.h"

using namespace convoy;

TEST_CASE("mix64 is SplitMix64: its published first outputs from state 0") {
  // SplitMix64 returns the mix of state += golden ratio; mix64(x) adds it first.
  REQUIRE(mix64(0) == 0xe220a8397b1dcdafU);
  REQUIRE(mix64(0x9e3779b97f4a7c15U) == 0x6e789e6aa1b965f4U);
  REQUIRE(mix64(2 * 0x9e3779b97f4a7c15U) == 0x06c45d188009454fU);
}

TEST_CASE("one changed input bit changes about half of the output bits") {
  double changed = 0;
  int cases = 0;
  for (std::uint64_t value = 1; value < 1'000; value += 37) {
    for (int bit = 0; bit < 64; ++bit, ++cases) changed += std::popcount(mix64(value) ^ mix64(value ^ (1ULL << bit)));
  }
  REQUIRE(changed / cases == Approx(32).margin(0.5));
}

TEST_CASE("random_bits depends on every key and on their order") {
  const std::set<std::uint64_t> values = {random_bits(1, 2, 3), random_bits(1, 3, 2), random_bits(2, 2, 3), random_bits(1, 2, 4),
                                          random_bits(1, 2),    random_bits(1, 2, 0), random_bits(1, -2, 3)};
  REQUIRE(values.size() == 7);
  REQUIRE(random_bits(1, 2, 3) == random_bits(1, std::int64_t{2}, 3U));  // the value of a key counts, not its type
}

TEST_CASE("unit_interval lies in [0, 1)") {
  REQUIRE(unit_interval(0) == 0);
  REQUIRE(unit_interval(~0ULL) < 1);
  REQUIRE(unit_interval(1ULL << 63U) == 0.5);
}

TEST_CASE("uniform numbers have the mean and variance they should") {
  Random random(42);
  constexpr int kCount = 200'000;  // the standard error of the means is below 0.0025
  double sum = 0, squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double uniform = random.uniform();
    REQUIRE((uniform >= 0 && uniform < 1));
    sum += uniform;
    squares += uniform * uniform;
  }
  REQUIRE(sum / kCount == Approx(0.5).margin(0.005));
  REQUIRE(squares / kCount == Approx(1.0 / 3).margin(0.005));
}

TEST_CASE("below reaches every number under its limit and no other") {
  Random random(7);
  std::vector<int> seen(10);
  for (int i = 0; i < 10'000; ++i) ++seen.at(static_cast<std::size_t>(random.below(10)));
  for (const int count : seen) REQUIRE((count > 850 && count < 1'150));  // five standard deviations of 1,000 +- 30
}

TEST_CASE("the same seed gives the same numbers, another seed others") {
  Random a(5), b(5), c(6);
  int equal = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t bits = a.bits();
    REQUIRE(bits == b.bits());
    equal += bits == c.bits() ? 1 : 0;
  }
  REQUIRE(equal == 0);
}
