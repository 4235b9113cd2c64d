/// Lesson 13, choosing a plan: hybrid plans, what binds them, and a search that need not simulate all of them.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "lessons/lesson.h"
#include "reference/core/units.h"
#include "reference/schedule/ideal.h"
#include "reference/schedule/memory.h"
#include "simulator/advise/search.h"
#include "simulator/advise/space.h"
#include "simulator/cost/cost.h"
#include "simulator/engine/simulate.h"
#include "simulator/platform/network.h"

using namespace convoy;
using namespace convoy::lesson;

namespace {

// [settings]
constexpr const char* kModel = "alexnet";
constexpr const char* kSlowNetwork = "v100-10gbe";  // 4 GPUs a node, nodes on Ethernet
constexpr const char* kFastNetwork = "dgx-v100";    // 8 GPUs in one node on NVLink
constexpr int kRanks = 8;
constexpr int kBatch = 128;
// [/settings]

ScheduleChoice with_plan(const std::string& plan) {
  ScheduleChoice choice{.model = kModel, .plan = plan, .ranks = kRanks, .global_batch = kBatch};
  decide(choice, Fusion::off, ActivationLayout::nchw);
  return choice;
}

/// No more nodes of a cluster than there is work for.
Cluster machine(const char* name) {
  Cluster cluster = load_cluster(name);
  cluster.nodes = kRanks / cluster.devices_per_node;
  return cluster;
}

// [evaluators]
/// What a plan needs and takes on a cluster: memory and a lower bound by arithmetic, the time by simulation.
Evaluators evaluators(const Cluster& cluster) {
  const CostModel cost = roofline(cluster.device, "fp32");
  const auto network = std::make_shared<Network>(cluster);
  const auto made = [](const ScheduleChoice& choice) {
    try {
      return schedule_of(choice);
    } catch (const std::invalid_argument& error) {
      throw InputError(error.what());  // there is no such plan
    }
  };
  return {.estimate =
              [=](const ScheduleChoice& choice) {
                const Schedule schedule = made(choice);
                Estimate estimate;
                for (const Program& program : schedule.programs)
                  estimate.memory_bytes = std::max(estimate.memory_bytes, memory_of(program).arena_bytes);
                const Timeline alone = ideal(schedule, 2, cost, [&](int from, int to) { return network->path(from, to); });
                estimate.lower_bound_s = step_times(schedule, alone, 1).step_time_s;
                return estimate;
              },
          .simulate =
              [=](const ScheduleChoice& choice) {
                const Schedule schedule = made(choice);
                return step_times(schedule, simulate(schedule, 2, cluster, cost, {.validated = true}), 1);
              }};
}
// [/evaluators]

std::string heading(const char* what) {
  return fmt::format("{:<73} {:>7} {:>9} {:>8} {:>8} {:>7} {:>8}\n", what, "step", "computing", "exposed", "waiting", "bubble",
                     "memory");
}

std::string row(const std::string& words, const StepTimes& t, std::int64_t bytes) {
  const auto part = [&](double time_s) { return fmt::format("{:.0f} %", 100 * time_s / t.mean_step_time_s); };
  return fmt::format("{:<73} {:>4.0f} ms {:>9} {:>8} {:>8} {:>7} {:>5.0f} MB\n", words, t.step_time_s / ms, part(t.compute_s),
                     part(t.exposed_communication_s), part(t.wait_s), part(t.bubble_s), static_cast<double>(bytes) / 1e6);
}

/// One plan of each kind.
void some_plans(Values& values) {
  std::vector<ScheduleChoice> plans;
  for (const char* plan : {"data", "filter", "spatial", "pipeline", "one_weird_trick"}) plans.push_back(with_plan(plan));
  // [hybrids]
  ScheduleChoice hybrid = with_plan("hybrid");
  hybrid.split = 4;  // ranks 0 to 3 divide the network, so do 4 to 7, and each four have half of the images
  hybrid.inside = "filter";
  plans.push_back(hybrid);
  hybrid.split = 2;
  hybrid.pipeline.ranks = 4;  // pairs of ranks, four of them in a row
  plans.push_back(hybrid);
  // [/hybrids]
  for (const auto& [block, cluster] : {std::pair{"slow_some", kSlowNetwork}, {"fast_some", kFastNetwork}}) {
    const Evaluators of = evaluators(machine(cluster));
    std::string table = heading(cluster);
    for (const ScheduleChoice& each : plans)
      table += row(candidate_words(each), of.simulate(each), of.estimate(each).memory_bytes);
    values.block(block, table);
  }
}

// [search]
SearchResult find(const char* cluster) {
  const std::vector<ScheduleChoice> all = candidates(with_plan("data"), dimensions_named({"plan", "micro-batches"}));
  return search(all, 0, evaluators(machine(cluster)));
}
// [/search]

void searched(Values& values, const char* cluster, const std::string& prefix) {
  const SearchResult result = find(cluster);
  const auto at = [&](int i) -> const Assessed& { return result.all[static_cast<std::size_t>(i)]; };
  values.value(prefix + "all", cat(result.all.size()));
  values.value(prefix + "refused", cat(result.refused));
  values.value(prefix + "beaten", cat(result.beaten));
  values.value(prefix + "simulated", cat(result.by_time.size()));
  std::string front = heading(cluster);
  for (const int i : result.front) front += row(candidate_words(at(i).choice), *at(i).times, at(i).estimate.memory_bytes);
  values.block(prefix + "front", front);
  const Assessed& best = at(result.by_time.front());
  std::string sentences = cat("the best: ", what_binds(*best.times), "\n");
  if (result.by_time.size() > 1) {
    const Assessed& next = at(result.by_time[1]);
    sentences += cat("the next: ", candidate_words(next.choice), "\n          ", why_slower(*best.times, *next.times));
  }
  values.block(prefix + "binds", sentences);
}

void lesson_13(Values& values) {
  values.value("ranks", cat(kRanks));
  values.value("batch", cat(kBatch));
  some_plans(values);
  searched(values, kSlowNetwork, "slow_");
  searched(values, kFastNetwork, "fast_");
}

}  // namespace

int main(int argc, char** argv) { return lesson::run(argc, argv, lesson_13); }
