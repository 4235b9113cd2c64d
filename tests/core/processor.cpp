#include "reference/core/processor.h"

#include <string>

#include "tests/catch.h"

using namespace convoy;

TEST_CASE("a processor has what this build was made for, since it runs") {
  CHECK(std::string(first_missing_feature(built_for_features())).empty());
  CHECK(std::string(first_missing_feature("")).empty());
}

TEST_CASE("a feature that a processor lacks is named, the first of them") {
  CHECK(std::string(first_missing_feature("quantum")) == "quantum");
  const std::string here = built_for_features();
  CHECK(std::string(first_missing_feature(here + (here.empty() ? "" : ",") + "teleport,quantum")) == "teleport");
}
