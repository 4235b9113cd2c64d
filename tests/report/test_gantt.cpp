#include "simulator/report/gantt.h"

#include <stdexcept>

#include "tests/catch.h"
#include "tests/report/hand_made.h"

using namespace convoy;

namespace {

/// The line of a label, between the bars.
std::string line_of(const std::string& text, const std::string& label) {
  const std::size_t at = text.find(label);
  REQUIRE(at != std::string::npos);
  const std::size_t begin = text.find('|', at) + 1;
  return text.substr(begin, text.find('|', begin) - begin);
}

}  // namespace

TEST_CASE("the picture of a step shows what runs behind what, a column a tenth of a second") {
  // Labels take 23 columns and the last bar one, so 124 columns leave 100 for 10 seconds.
  const std::string text = gantt(hand_made::schedule(), hand_made::timeline(), {.iteration = 0, .columns = 124, .max_ranks = 8});
  const auto times = [](int n, char letter) { return std::string(static_cast<std::size_t>(n), letter); };
  CHECK(line_of(text, "rank 0  compute") == times(20, 'F') + times(40, 'B') + times(30, '.') + times(10, 'U'));
  CHECK(line_of(text, "rank 0  communication") == times(40, '.') + times(50, 'R') + times(10, '.'));
  CHECK(line_of(text, "rank 1  compute") == times(20, 'F') + times(50, 'B') + times(20, '.') + times(10, 'U'));
  CHECK(text.find("one step, 10 s (simulated clock), a column is 100 ms") == 0);
}

TEST_CASE("a rank that waits for a partner is drawn so") {
  Timeline timeline = hand_made::timeline();
  CHECK(gantt(hand_made::schedule(), timeline, {.iteration = 0, .columns = 124}).find("W waiting") == std::string::npos);
  for (Interval& interval : timeline.intervals)
    if (interval.rank == 1 && interval.op == 2) interval.start_s = 6;  // rank 0 has begun the all-reduce 2 s before
  const std::string text = gantt(hand_made::schedule(), timeline, {.iteration = 0, .columns = 124});
  const auto times = [](int n, char letter) { return std::string(static_cast<std::size_t>(n), letter); };
  CHECK(line_of(text, "rank 0  communication") == times(40, '.') + times(20, 'W') + times(30, 'R') + times(10, '.'));
  CHECK(text.find("W waiting for a partner") != std::string::npos);
}

TEST_CASE("what takes less than half of a column is a small letter") {
  Timeline timeline = hand_made::timeline();
  for (Interval& interval : timeline.intervals)
    if (interval.op == 4) interval.start_s = 9.96;  // the last column is 9.9 to 10 s
  const std::string text = gantt(hand_made::schedule(), timeline, {.iteration = 0, .columns = 124, .max_ranks = 8});
  CHECK(line_of(text, "rank 0  compute").substr(98) == ".u");
}

TEST_CASE("only the first ranks are drawn and the others are counted") {
  const std::string text = gantt(hand_made::schedule(), hand_made::timeline(), {.iteration = 0, .columns = 100, .max_ranks = 1});
  CHECK(text.find("rank 1") == std::string::npos);
  CHECK(text.find("and 1 more ranks") != std::string::npos);
}

TEST_CASE("a later step is drawn from the end of the one before") {
  Timeline timeline = hand_made::timeline();
  for (const Interval& interval : hand_made::timeline().intervals)
    timeline.intervals.push_back({interval.rank, 1, interval.op, interval.start_s + 15, interval.end_s + 15});
  const std::string text = gantt(hand_made::schedule(), timeline, {.iteration = 1, .columns = 174, .max_ranks = 8});
  CHECK(text.find("one step, 15 s") == 0);
  CHECK(line_of(text, "rank 0  compute").substr(0, 51) == std::string(50, '.') + "F");
}

TEST_CASE("an iteration that is not there is a mistake of the caller") {
  CHECK_THROWS_AS(gantt(hand_made::schedule(), hand_made::timeline(), {.iteration = 3, .columns = 100, .max_ranks = 8}),
                  std::invalid_argument);
}
