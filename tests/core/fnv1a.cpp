#include "reference/core/fnv1a.h"

#include "tests/catch.h"

using namespace convoy;

TEST_CASE("FNV-1a is the one of its authors' test vectors, in one piece or several") {
  const auto digits_of = [](std::string_view bytes) {
    Fnv1a sum;
    sum.add(bytes);
    return sum.digits();
  };
  REQUIRE(digits_of("") == "cbf29ce484222325");
  REQUIRE(digits_of("a") == "af63dc4c8601ec8c");
  REQUIRE(digits_of("foobar") == "85944171f73967e8");
  Fnv1a pieces;
  pieces.add("foo");
  pieces.add(std::as_bytes(std::span("bar", 3)));
  REQUIRE(pieces.digits() == "85944171f73967e8");
  REQUIRE(pieces.value() == 0x85944171f73967e8U);
}
