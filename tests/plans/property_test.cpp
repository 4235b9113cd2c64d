/// Random networks, meshes, plans and options: what make_schedule makes is valid in both modes, and what it refuses it refuses
/// with a word to the user. A failure prints the seed of its case.
#include <iostream>

#include "reference/schedule/text.h"
#include "reference/schedule/validate.h"
#include "tests/catch.h"
#include "tests/plans/random_model.h"

using namespace convoy;
using namespace convoy::tests;

namespace {

struct Tally {
  int valid = 0;
  int refused = 0;
  int communicates = 0;
};

bool communicates(const Schedule& schedule) {
  for (const Program& program : schedule.programs)
    for (const Op& op : program.ops)
      if (!std::holds_alternative<Compute>(op.action)) return true;
  return false;
}

/// What is wrong with a case; empty when nothing is.
std::string check_case(std::uint64_t seed, Tally& tally) {
  Random random(seed);
  const Model model = RandomModel(random).make();
  const Plan plan = random_plan(random, model);
  for (const Mode mode : {Mode::train, Mode::evaluate}) {
    try {
      const Schedule schedule = make_schedule(model, plan, mode);
      const std::vector<Problem> problems = validate(schedule);
      if (!problems.empty()) return to_string(schedule, problems.front());
      if (seed % 8 == 0 && !(parse_schedule(to_text(schedule)) == schedule)) return "its text is read as something else";
      ++tally.valid;
      tally.communicates += communicates(schedule) ? 1 : 0;
    } catch (const InputError& error) {
      if (std::string(error.what()).size() < 20) return cat("refused with the words: ", error.what());
      ++tally.refused;
    } catch (const std::exception& error) {
      return cat("not an InputError: ", error.what());
    }
  }
  return "";
}

}  // namespace

TEST_CASE("random networks, plans and options give valid schedules or a refusal") {
  Tally tally;
  constexpr std::uint64_t kCases = 12'000;
  for (std::uint64_t seed = 1; seed <= kCases; ++seed) {
    const std::string wrong = check_case(seed, tally);
    if (wrong.empty()) continue;
    FAIL_CHECK("seed " << seed << ": " << wrong << "\n" << describe_case(seed));
  }
  std::cout << tally.valid << " valid schedules, " << tally.communicates << " with communication, " << tally.refused
            << " refusals\n";
  REQUIRE(tally.valid >= 12'000);
  REQUIRE(tally.communicates >= 7'000);
  REQUIRE(tally.refused >= 6'000);
}
