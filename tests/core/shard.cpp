#include "reference/core/shard.h"

#include <vector>

#include "tests/catch.h"

using namespace convoy;

TEST_CASE("shards cover a range without gap or overlap and differ by at most one") {
  for (const std::int64_t count : {0, 1, 2, 7, 61'706, 138'357'544}) {
    for (const std::int64_t parts : {1, 2, 3, 5, 8, 100}) {
      std::int64_t next = 0;
      std::int64_t least = count;
      std::int64_t most = 0;
      for (std::int64_t index = 0; index < parts; ++index) {
        const Slice part = shard(count, parts, index);
        INFO(count << " in " << parts << ", part " << index);
        REQUIRE(part.offset == next);
        REQUIRE(part.count >= 0);
        next = part.end();
        least = std::min(least, part.count);
        most = std::max(most, part.count);
      }
      REQUIRE(next == count);
      REQUIRE(most - least <= 1);
    }
  }
}

TEST_CASE("shards of huge ranges do not overflow") {
  constexpr std::int64_t kCount = std::int64_t{1} << 61;
  REQUIRE(shard(kCount, 1'000'003, 1'000'002).end() == kCount);
  REQUIRE(shard(kCount + 1, 4, 3) == Slice{kCount / 4 * 3, kCount / 4 + 1});
}

TEST_CASE("a shard of a slice lies in the slice") {
  const Slice whole{100, 10};
  REQUIRE(shard(whole, 3, 0) == Slice{100, 3});
  REQUIRE(shard(whole, 3, 1) == Slice{103, 3});
  REQUIRE(shard(whole, 3, 2) == Slice{106, 4});
}
