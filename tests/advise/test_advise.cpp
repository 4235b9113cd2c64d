/// advise finds what simulating every plan finds.
#include <algorithm>
#include <map>
#include <set>

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/io/report.h"
#include "reference/schedule/ideal.h"
#include "reference/schedule/memory.h"
#include "simulator/advise/search.h"
#include "simulator/advise/space.h"
#include "simulator/cost/cost.h"
#include "simulator/engine/simulate.h"
#include "simulator/platform/network.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

StepTimes times_of(double step_s) {
  StepTimes times;
  times.step_time_s = times.mean_step_time_s = step_s;
  times.compute_s = step_s;
  return times;
}

/// Fastest and front by simulating everything, from the definition: nothing is no slower and no larger, and one of both better.
std::set<std::string> front_by_brute_force(const std::vector<ScheduleChoice>& all, std::int64_t device_bytes,
                                           const Evaluators& evaluators, double& best_s) {
  struct Point {
    std::string words;
    double time_s;
    std::int64_t bytes;
  };
  std::vector<Point> points;
  for (const ScheduleChoice& choice : all) {
    try {
      const Estimate estimate = evaluators.estimate(choice);
      if (device_bytes == 0 || estimate.memory_bytes <= device_bytes)
        points.push_back({candidate_words(choice), evaluators.simulate(choice).step_time_s, estimate.memory_bytes});
    } catch (const InputError&) {
      continue;
    }
  }
  best_s = HUGE_VAL;
  std::set<std::string> front;
  for (const Point& point : points) {
    best_s = std::min(best_s, point.time_s);
    const bool beaten = std::any_of(points.begin(), points.end(), [&](const Point& other) {
      return other.time_s <= point.time_s && other.bytes <= point.bytes &&
             (other.time_s < point.time_s || other.bytes < point.bytes);
    });
    if (!beaten) front.insert(point.words);
  }
  return front;
}

std::set<std::string> front_of(const SearchResult& result) {
  std::set<std::string> front;
  for (const int i : result.front) front.insert(candidate_words(result.all[static_cast<std::size_t>(i)].choice));
  return front;
}

/// Numbers at random, with simulated times at or above the lower bounds, and no ties.
Evaluators random_numbers(std::uint64_t seed) {
  const auto draw = [seed](const ScheduleChoice& choice, int what) {
    std::uint64_t key = 0;
    for (const char c : candidate_words(choice)) key = mix64(key ^ static_cast<std::uint64_t>(c));
    return unit_interval(random_bits(seed, key, what));
  };
  const auto bound_s = [draw](const ScheduleChoice& choice) { return 1 + draw(choice, 0); };
  return {.estimate =
              [draw, bound_s](const ScheduleChoice& choice) {
                if (draw(choice, 1) < 0.1) throw InputError("cannot be made");
                return Estimate{.memory_bytes = static_cast<std::int64_t>(1e9 * draw(choice, 2)), .lower_bound_s = bound_s(choice)};
              },
          .simulate = [draw, bound_s](const ScheduleChoice& choice) { return times_of(bound_s(choice) * (1 + 0.3 * draw(choice, 3))); }};
}

}  // namespace

TEST_CASE("the search equals brute force on random numbers, and simulates fewer") {
  const std::vector<ScheduleChoice> all = candidates({.ranks = 8, .global_batch = 64}, dimensions());
  REQUIRE(all.size() > 100);
  for (std::uint64_t seed = 1; seed <= 50; ++seed)
    for (const std::int64_t device_bytes : {std::int64_t{0}, std::int64_t{300'000'000}}) {
      CAPTURE(seed, device_bytes);
      const Evaluators evaluators = random_numbers(seed);
      double best_s = 0;
      const std::set<std::string> front = front_by_brute_force(all, device_bytes, evaluators, best_s);
      const SearchResult result = search(all, device_bytes, evaluators);
      REQUIRE(front_of(result) == front);
      REQUIRE(result.all[static_cast<std::size_t>(result.by_time.front())].times->step_time_s == best_s);
      REQUIRE(result.by_time.front() == result.front.front());
      REQUIRE(static_cast<std::size_t>(result.refused + result.too_large + result.beaten) + result.by_time.size() == all.size());
      REQUIRE(result.beaten > 0);
    }
}

TEST_CASE("the search equals brute force on a small network, simulated") {
  // Plans with equal times and memory occur here, so times are compared and not names.
  for (const char* name : {"dgx-v100", "flat-100gbit"}) {
    CAPTURE(name);
    const Cluster cluster = load_cluster(name);
    const CostModel cost = roofline(cluster.device, "fp32");
    const auto schedule_of_choice = [](const ScheduleChoice& choice) {
      try {
        return schedule_of(choice);
      } catch (const std::invalid_argument& error) {
        throw InputError(error.what());
      }
    };
    const Network network(cluster);
    const Evaluators evaluators{
        .estimate =
            [&](const ScheduleChoice& choice) {
              const Schedule schedule = schedule_of_choice(choice);
              std::int64_t bytes = 0;
              for (const Program& program : schedule.programs) bytes = std::max(bytes, memory_of(program).arena_bytes);
              const Timeline formula = ideal(schedule, 2, cost, [&](int from, int to) { return network.path(from, to); });
              return Estimate{bytes, step_times(schedule, formula, 1).step_time_s};
            },
        .simulate =
            [&](const ScheduleChoice& choice) {
              const Schedule schedule = schedule_of_choice(choice);
              return step_times(schedule, simulate(schedule, 2, cluster, cost, {.validated = true}), 1);
            }};
    ScheduleChoice fixed{.model = "lenet5", .ranks = 4, .global_batch = 32};
    decide(fixed, Fusion::off, ActivationLayout::nchw);
    const std::vector<ScheduleChoice> all = candidates(fixed, dimensions_named({"plan", "zero", "accumulate", "order", "recompute"}));
    const SearchResult result = search(all, 0, evaluators);
    REQUIRE(result.by_time.size() > 1);
    double best_s = HUGE_VAL;
    std::vector<std::pair<double, std::int64_t>> points;
    for (const ScheduleChoice& choice : all) try {
        const Estimate estimate = evaluators.estimate(choice);
        const double time_s = evaluators.simulate(choice).step_time_s;
        CAPTURE(candidate_words(choice));
        REQUIRE(time_s >= estimate.lower_bound_s * (1 - 1e-9));  // what the search stands on
        points.emplace_back(time_s, estimate.memory_bytes);
        best_s = std::min(best_s, time_s);
      } catch (const InputError&) {
        continue;  // there is no such plan
      }
    REQUIRE(result.all[static_cast<std::size_t>(result.by_time.front())].times->step_time_s == Approx(best_s).epsilon(1e-9));
    for (const auto& [time_s, bytes] : points) {  // something on the front is no slower and no larger
      CAPTURE(time_s, bytes);
      REQUIRE(std::any_of(result.front.begin(), result.front.end(), [&](int i) {
        const Assessed& on_front = result.all[static_cast<std::size_t>(i)];
        return on_front.times->step_time_s <= time_s * (1 + 1e-9) && on_front.estimate.memory_bytes <= bytes;
      }));
    }
  }
}

TEST_CASE("candidates are all combinations, each once") {
  const std::vector<ScheduleChoice> all = candidates({.ranks = 12, .global_batch = 24}, dimensions());
  std::set<std::string> words;
  for (const ScheduleChoice& choice : all) REQUIRE(words.insert(candidate_words(choice)).second);
  for (const char* known : {"--plan data", "--plan spatial --accumulate 2", "--plan hybrid --inside filter --split 6",
                            "--plan data --all-reduce halving_doubling",
                            "--plan sharded_optimizer --zero 3", "--plan pipeline --micro-batches 24 --order gpipe",
                            "--plan hybrid --inside pipeline --split 6 --micro-batches 6 --recompute all",
                            "--plan hybrid --inside filter --split 2 --pipeline 3 --micro-batches 3 --all-reduce auto"})
    REQUIRE(words.contains(known));
  REQUIRE(!words.contains("--plan hybrid --inside filter --split 5"));  // does not divide 12
  REQUIRE(!words.contains("--plan data --accumulate 4"));               // 2 images a rank
  REQUIRE(!words.contains("--plan hybrid --inside data --split 2"));
  for (const std::string& each : words) REQUIRE(!each.starts_with("--plan local_sgd"));  // whose steps are worth less
  REQUIRE(!words.contains("--plan pipeline --micro-batches 48"));  // 24 images
  REQUIRE_THROWS_AS(dimensions_named({"plam"}), InputError);
}

TEST_CASE("what binds and why others lose is said with numbers") {
  StepTimes best = times_of(0.01), other = times_of(0.012);
  best.compute_s = 0.007;
  best.exposed_communication_s = 0.003;
  other.compute_s = 0.004;
  other.exposed_communication_s = 0.0075;
  other.bubble_s = 0.0005;
  REQUIRE(what_binds(best) == "computing: 7 ms of 10 ms, 70 %; communication that nothing hides 30 %");
  REQUIRE(why_slower(best, other) == "+4.5 ms communication that nothing hides, +500 us nothing to do");
}
