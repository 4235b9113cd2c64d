#include "tests/apps/command.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

constexpr const char* kSweep =
    "sweep --model lenet5 --batch-per-rank 4 --cluster ring-test --fidelity flows --csv goes_on.csv --vary ranks=";

}  // namespace

TEST_CASE("a sweep goes on where its CSV ends, on several jobs, and refuses the CSV of another") {
  REQUIRE(command::run(std::string(kSweep) + "1..4:x2 --jobs 2 --svg goes_on.svg").exit_code == 0);
  const std::string first = command::read("goes_on.csv");
  CHECK(contains(command::read("goes_on.svg"), "<svg"));
  const command::Result longer = command::run(std::string(kSweep) + "1..8:x2");
  REQUIRE(longer.exit_code == 0);
  CHECK(contains(longer.err, "3 of 4 are there already"));
  CHECK(command::read("goes_on.csv").rfind(first, 0) == 0);

  const command::Result other = command::run(std::string(kSweep) + "1..4:x2 --plan filter");
  CHECK(other.exit_code == 2);
  CHECK(contains(other.err, "is from another sweep"));
  CHECK(command::read("goes_on.csv").rfind(first, 0) == 0);
}
