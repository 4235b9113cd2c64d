#include <map>
#include <string>

#include "reference/core/error.h"
#include "simulator/engine/in_child.h"
#include "tests/catch.h"

using namespace convoy;

TEST_CASE("children answer in any order, and every answer comes once") {
  for (const int jobs : {1, 3, 16}) {
    std::map<std::size_t, std::string> answers;
    in_children(
        jobs, 9, [](std::size_t i) { return std::string(100000 * i, 'x') + std::to_string(i); },
        [&](std::size_t i, const std::string& answer) { REQUIRE(answers.emplace(i, answer).second); });
    REQUIRE(answers.size() == 9);
    for (std::size_t i = 0; i < 9; ++i) REQUIRE(answers[i] == std::string(100000 * i, 'x') + std::to_string(i));
  }
}

TEST_CASE("what a child throws comes through with its type, and what was done before stays done") {
  int done = 0;
  const auto work = [](std::size_t i) -> std::string {
    if (i == 2) throw InputError("the third");
    return "";
  };
  REQUIRE_THROWS_AS(in_children(1, 5, work, [&](std::size_t, const std::string&) { ++done; }), InputError);
  REQUIRE(done == 2);
}
