#include "simulator/report/step_report.h"

#include <limits>
#include <nlohmann/json.hpp>

#include "tests/catch.h"
#include "tests/report/hand_made.h"

using namespace convoy;

namespace {

StepReport report() {
  return {.times = step_times(hand_made::schedule(), hand_made::timeline(), 0),
          .ranks = 2,
          .global_batch = 16,
          .one_rank_step_s = 8,
          .lower_bound_s = 9.5};
}

}  // namespace

TEST_CASE("images a second and scaling efficiency are ratios of times") {
  CHECK(images_per_s(16, 10) == Approx(1.6));
  CHECK(scaling_efficiency(8, 10) == Approx(0.8));
  CHECK(images_per_s(16, 0) == 0);
  CHECK(scaling_efficiency(8, 0) == 0);
}

TEST_CASE("the parts of a step in the table are those worked out by hand and add up") {
  const StepTimes times = report().times;
  CHECK(times.compute_s == Approx(7.5));
  CHECK(times.exposed_communication_s == Approx(2.5));
  CHECK(times.hidden_communication_s == Approx(2.5));
  CHECK(times.compute_s + times.exposed_communication_s + times.wait_s + times.bubble_s == Approx(times.mean_step_time_s));
  CHECK(step_table(times) ==
        "a step                  time    share\n"
        "------------------------------------------------------------------------------------------------------\n"
        "compute                7.5 s   75.0 %\n"
        "exposed communication  2.5 s   25.0 %  nothing computes meanwhile\n"
        "waiting                 0 ns    0.0 %  for ranks that communicate with it and are not there yet\n"
        "bubble                  0 ns    0.0 %  nothing to do, or something to receive that is not computed yet\n"
        "------------------------------------------------------------------------------------------------------\n"
        "mean step               10 s  100.0 %  the four above\n"
        "median step             10 s  100.0 %  of 1 step\n"
        "hidden communication   2.5 s   25.0 %  while computing\n"
        "------------------------------------------------------------------------------------------------------\n"
        "forward                  2 s   20.0 %  phases overlap: together they may be longer than a step\n"
        "backward               4.5 s   45.0 %\n"
        "all reduce               5 s   50.0 %\n"
        "update                   1 s   10.0 %\n");
}

TEST_CASE("ranks alike share a line, and the parts of each line add up") {
  CHECK(ranks_table(report().times) ==
        "rank  compute  exposed  waiting  bubble  step  hidden\n"
        "-----------------------------------------------------\n"
        "0         7 s      3 s     0 ns    0 ns  10 s     2 s\n"
        "1         8 s      2 s     0 ns    0 ns  10 s     3 s\n");
  StepTimes many = report().times;
  many.ranks[1] = many.ranks[0];
  many.ranks[1].rank = 1;
  many.ranks[1].ranks = 7;
  CHECK(ranks_table(many).find("0 and 7 more") != std::string::npos);
  for (int rank = 2; rank < 40; ++rank) {
    many.ranks.push_back(many.ranks[0]);
    many.ranks.back().compute_s = rank + 20;
  }
  CHECK(ranks_table(many).find("and 27 lines more; --json has all ranks") != std::string::npos);
}

TEST_CASE("the busiest links are listed, five of them, and none where there are none") {
  Timeline timeline;
  CHECK(links_table(timeline).empty());
  CHECK(links_json(timeline).empty());
  for (int i = 0; i < 7; ++i)
    timeline.links.push_back({.name = "node" + std::to_string(i) + ".nic0.up", .bytes = 1e6, .utilisation = 0.5, .most_flows = 2});
  const std::string table = links_table(timeline);
  CHECK(table.find("node4.nic0.up") != std::string::npos);
  CHECK(table.find("node5.nic0.up") == std::string::npos);
  CHECK(table.find("50.0 %") != std::string::npos);
  CHECK(links_json(timeline).size() == 7);
}

TEST_CASE("the speed table says how fast a step is and how well it scales") {
  CHECK(speed_table(report()) ==
        "step time             10 s\n"
        "images/s               1.6  16 images a step on 2 ranks\n"
        "scaling efficiency  80.0 %  one rank with as many images a rank takes 8 s\n"
        "lower bound          9.5 s  by formula, without contention\n");
}

TEST_CASE("many images a second are a whole number") {
  StepReport fast = report();
  fast.global_batch = 147'126;
  CHECK(speed_table(fast).find("  14713  147126 images a step") != std::string::npos);
}

TEST_CASE("what is not known about the speed is null in JSON and missing in the table") {
  StepReport unknown = report();
  unknown.one_rank_step_s.reset();
  unknown.lower_bound_s.reset();
  const auto json = speed_json(unknown);
  CHECK(json.at("scaling_efficiency").is_null());
  CHECK(json.at("one_rank_step_time_s").is_null());
  CHECK(json.at("lower_bound_s").is_null());
  CHECK(speed_table(unknown).find("scaling") == std::string::npos);
  CHECK(speed_json(report()).at("scaling_efficiency").get<double>() == Approx(0.8));
  CHECK(speed_json(report()).at("lower_bound_s").get<double>() == Approx(9.5));
}
