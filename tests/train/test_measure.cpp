#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "reference/core/error.h"
#include "reference/io/host.h"
#include "reference/train/measure_collective.h"
#include "reference/train/measure_machine.h"
#include "reference/train/measure_transport.h"
#include "reference/train/profiler.h"
#include "reference/train/statistics.h"
#include "tests/catch.h"
#include "tests/train/tiny.h"

using namespace convoy;

TEST_CASE("quantiles interpolate between sorted values") {
  REQUIRE(median({5, 1, 3}) == 3);
  REQUIRE(median({4, 1, 3, 2}) == 2.5);
  REQUIRE(quantile({10, 20, 30, 40, 50}, 0.25) == 20);
  REQUIRE(quantile({10, 20}, 0.25) == 12.5);
  REQUIRE(quartile_range({10, 20, 30, 40, 50}) == 20);
  REQUIRE(median({7}) == 7);
  REQUIRE_THROWS_AS(median({}), std::invalid_argument);
}

TEST_CASE("the bandwidth is found again in times made from it") {
  std::vector<MessageTime> points;
  for (const double bytes : {1e4, 1e5, 1e6}) points.push_back({bytes, 2e-6 + bytes / 5e9});
  REQUIRE(fit_bandwidth_bytes_per_s(points, 2e-6) == Approx(5e9).epsilon(1e-12));
  points.push_back({16, 1.9e-6});  // faster than the latency, as noise has it: hardly matters
  REQUIRE(fit_bandwidth_bytes_per_s(points, 2e-6) == Approx(5e9).epsilon(1e-3));
  REQUIRE_THROWS_AS(fit_bandwidth_bytes_per_s({{100, 1e-6}}, 2e-6), std::invalid_argument);
  REQUIRE_THROWS_AS(fit_bandwidth_bytes_per_s({}, 0), std::invalid_argument);
}

TEST_CASE("every collective is right in every element on any number of ranks") {
  for (const CollectiveAlgorithm& row : collective_algorithms())
    for (const int ranks : {1, 2, 3, 5})
      for (const std::int64_t count : {1, 3, 1000})
        for (const int chunks : {1, 2}) {
          CollectiveRun run{
              .kind = row.kind, .algorithm = std::string(row.name), .ranks = ranks, .count = count, .chunks = chunks};
          run.channels = chunks;
          if (!why_not(row, {.world_size = ranks, .count = count, .chunks = chunks, .channels = chunks}).empty()) continue;
          run.root = ranks - 1;
          run.warmup = 1;
          run.repetitions = 3;
          const CollectiveMeasurement result = measure_collective(run);
          CAPTURE(row.name, to_string(row.kind), ranks, count, chunks);
          CHECK(result.wrong == 0);
          CHECK(result.time_s > 0);
          CHECK(std::isfinite(result.time_s));
        }
}

TEST_CASE("transport and machine come out in numbers that can be divided by") {
  const auto is_rate = [](double value) { return std::isfinite(value) && value > 0; };
  const TransportProfile transport = measure_transport();
  CAPTURE(transport.latency_s, transport.bandwidth_bytes_per_s, transport.add_s_per_byte);
  CHECK(is_rate(transport.latency_s));
  CHECK(is_rate(transport.bandwidth_bytes_per_s));
  CHECK(std::isfinite(transport.add_s_per_byte));
  CHECK(transport.add_s_per_byte >= 0);
  CHECK(is_rate(measure_memory_bandwidth_bytes_per_s(16 << 20, 2)));
  CHECK(is_rate(measure_peak_flops_per_s(1)));
}

TEST_CASE("a profile has every compute op of the schedule once for each batch") {
  const Model model = tiny_model();
  Plan plan = make_plan("data", {.ranks = 2, .global_batch = 2});
  plan.bucket_bytes = 256;
  const Profile result = profile(model, plan, {.batches = {3, 6}, .concurrent = 2, .warmup = 1, .steps = 4});
  REQUIRE(result.concurrent == 2);
  REQUIRE(result.transport.has_value());
  std::map<std::tuple<std::string, ComputeKind, OpSize>, int> found;
  for (const ProfileEntry& entry : result.entries) {
    ++found[{entry.node, entry.kind, {entry.shape, entry.batch, entry.count}}];
    CHECK(entry.time_s >= 0);
    CHECK(entry.samples >= 8);  // two ranks, four steps
  }
  plan.overlap = false;
  for (const int batch : {3, 6}) {
    plan.global_batch = 2 * batch;
    const Schedule schedule = make_schedule(model, plan);
    for (const Op& op : schedule.program(0).ops) {
      const auto* compute = std::get_if<Compute>(&op.action);
      if (compute == nullptr) continue;
      const std::string node = compute->node < 0 ? "" : model.nodes[static_cast<std::size_t>(compute->node)].name;
      CAPTURE(op.name, batch);
      CHECK((found[{node, compute->kind, size_of(schedule.program(0), *compute)}]) == 1);
    }
  }
  const Profile back = parse_profile(to_json(result), "p.json");
  REQUIRE(back.entries.size() == result.entries.size());
}

TEST_CASE("a profile of a plan has a time for every compute op of all its ranks, with and without overlap") {
  const Model model = tiny_model();
  for (const NamedPlan& named : named_plans()) {
    CAPTURE(named.name);
    Plan plan = make_plan(named.name, {.ranks = 2, .global_batch = 4});
    const Profile result = profile(model, plan, {.batches = {2}, .concurrent = 2, .warmup = 1, .steps = 2});
    std::set<std::tuple<std::string, ComputeKind, OpSize>> found;
    for (const ProfileEntry& entry : result.entries)
      found.insert({entry.node, entry.kind, {entry.shape, entry.batch, entry.count}});
    for (const bool overlap : {false, true}) {
      plan.overlap = overlap;
      for (const Program& program : make_schedule(model, plan).programs)
        for (const Op& op : program.ops) {
          const auto* compute = std::get_if<Compute>(&op.action);
          if (compute == nullptr || compute->node < 0) continue;
          CAPTURE(op.name, overlap);
          const std::string& node = model.nodes[static_cast<std::size_t>(compute->node)].name;
          const OpSize size = size_of(program, *compute);
          if (size.batch == 0 && size.count == 0 && compute->kind != ComputeKind::join) continue;  // the rank has no part in it
          CHECK(found.contains({node, compute->kind, size}));
        }
    }
  }
}

TEST_CASE("profile entries are medians over ranks and steps without the first ones") {
  const Model model = tiny_model();
  const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = 1, .global_batch = 2}));
  Timeline timeline{"steady", {}};
  for (int iteration = 0; iteration < 4; ++iteration)
    timeline.intervals.push_back({0, iteration, 0, 10.0 * iteration, 10.0 * iteration + (iteration == 0 ? 9.0 : iteration)});
  const std::vector<ProfileEntry> entries = profile_entries(model, schedule, timeline, 1);
  REQUIRE(entries.size() == 1);
  REQUIRE(entries[0].kind == ComputeKind::load);
  REQUIRE(entries[0].batch == 2);
  REQUIRE(entries[0].time_s == Approx(2));
  REQUIRE(entries[0].samples == 3);
  REQUIRE(entries[0].steps_s == std::vector<double>{1, 2, 3});
}

TEST_CASE("a profile keeps single steps of all ranks, the same ones for every op, spread over the run") {
  const Model model = tiny_model();
  const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = 2, .global_batch = 4}));
  constexpr int kSteps = 100;
  Timeline timeline{"steady", {}};
  const auto forward = static_cast<int>(std::find_if(schedule.programs[0].ops.begin(), schedule.programs[0].ops.end(),
                                                     [](const Op& op) { return op.name.ends_with(".forward"); }) -
                                        schedule.programs[0].ops.begin());
  for (int iteration = 0; iteration < kSteps; ++iteration)
    for (int rank = 0; rank < 2; ++rank)
      for (const int op : {0, forward}) {
        const double start_s = 1000.0 * iteration + (op == 0 ? 0 : 500);
        timeline.intervals.push_back({rank, iteration, op, start_s, start_s + 2.0 * iteration + rank + (op == 0 ? 0 : 200)});
      }
  const std::vector<ProfileEntry> entries = profile_entries(model, schedule, timeline, 0);
  REQUIRE(entries.size() == 2);
  for (const ProfileEntry& entry : entries) REQUIRE(entry.steps_s.size() == kKeptSteps);
  const ProfileEntry& load = entries[0].kind == ComputeKind::load ? entries[0] : entries[1];
  const ProfileEntry& other = entries[0].kind == ComputeKind::load ? entries[1] : entries[0];
  for (std::size_t k = 0; k < kKeptSteps; ++k) REQUIRE(other.steps_s[k] == Approx(load.steps_s[k] + 200));
  REQUIRE(load.steps_s.front() < 10);
  REQUIRE(load.steps_s.back() > 2.0 * (kSteps - 5));
  REQUIRE(std::is_sorted(load.steps_s.begin(), load.steps_s.end()));
}

TEST_CASE("a profile without a number of steps takes at least twenty, and says which seed it drew from") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model);
  const Profile result =
      profile(model, make_plan("data", {.ranks = 1, .global_batch = 1}), {.batches = {2}, .seed = 5, .data = &data});
  REQUIRE(result.seed == 5);
  REQUIRE(result.version == tool_version());
  REQUIRE_FALSE(result.entries.empty());
  for (const ProfileEntry& entry : result.entries) CHECK(entry.samples >= 20);
}

TEST_CASE("a profile trains on the images that it is given") {
  const Model model = tiny_model();
  TrainingData data = tiny_data(model, 4);
  const Plan plan = make_plan("data", {.ranks = 1, .global_batch = 1});
  REQUIRE_FALSE(profile(model, plan, {.batches = {3}, .steps = 2, .data = &data}).entries.empty());
  data.train.labels.assign(4, 99);  // no such class: whoever trains on them finds out
  REQUIRE_THROWS_AS(profile(model, plan, {.batches = {3}, .steps = 2, .data = &data}), std::exception);
}
