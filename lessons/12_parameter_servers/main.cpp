/// Lesson 12, parameter servers: what goes through the busiest link, what a slow worker costs, and what stale gradients cost.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lessons/lesson.h"
#include "reference/core/units.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/stragglers.h"
#include "simulator/engine/simulate.h"

using namespace convoy;
using namespace convoy::lesson;

namespace {

// [settings]
constexpr int kWorkers = 8;
constexpr int kSteps = 40;
constexpr double kSlow = 3;      // times as long takes a slow worker
constexpr double kJitter = 0.3;  // by so much a step is longer in the mean, another time for everybody in every step
constexpr LinkModel kLink{.latency_s = 10 * us, .bandwidth_bytes_per_s = 12 * GB};
constexpr double kStep_s = 0.1;  // of computing, on all other workers
// [/settings]

/// One device a node, all on one switch.
Cluster cluster(int nodes) {
  Cluster made{.name = "by hand", .nodes = nodes, .devices_per_node = 1};
  made.device.name = "device";
  made.nic = kLink;
  return made;
}

/// Loading a step's images takes the time of the step, and all else none.
CostModel cost(double step_s) {
  return {.compute_s = [=](const Program&, const Op&, const Compute& op) { return op.kind == ComputeKind::load ? step_s : 0; },
          .receive_s = {}};
}

Plan served(const PlanServers& servers, int workers = kWorkers) {
  const int ranks = workers + (servers.own_ranks ? servers.count : 0);
  return make_plan("parameter_server", {.ranks = ranks, .global_batch = 8 * workers, .servers = servers});
}

// [hand]
/// 160 MB of weights on four GPUs on PCIe with 16 GB/s, and nothing but moving them.
double moving_ms(const PlanServers& servers) {
  ModelBuilder net("matrix", {1, 4000, 1, 1}, 10000);
  net.add("flatten", Flatten{});
  net.add("fc", Linear{10000, false});
  const Schedule schedule = make_schedule(net.finish(), served(servers, 4));
  return step_times(schedule, simulate(schedule, 1, load_cluster("pcie-switch-4gpu"), cost(0)), 0).step_time_s / ms;
}
// [/hand]

// [busiest]
double busiest_mb(const Timeline& timeline) {
  double bytes = 0;
  for (const LinkTraffic& link : timeline.links) bytes = std::max(bytes, link.bytes);
  return bytes / 1e6;
}

std::string traffic_row(const char* name, const Plan& plan) {
  const Schedule schedule = make_schedule(make_resnet50(), plan);
  const Timeline timeline = simulate(schedule, 1, cluster(schedule.world_size()), cost(0), {.fidelity = Fidelity::flows});
  return fmt::format("{:<34} {:>9.0f} MB {:>7.1f} ms\n", name, busiest_mb(timeline),
                     step_times(schedule, timeline, 0).step_time_s / ms);
}
// [/busiest]

void traffic(Values& values) {
  const PlanRequest request{.ranks = kWorkers, .global_batch = 8 * kWorkers};
  std::string table = "weights are kept                   busiest link  communication\n";
  table += traffic_row("everywhere, ring all-reduce", make_plan("data", request));
  table += traffic_row("at the first worker (root)", make_plan("data_parallel_root", request));
  table += traffic_row("at one server, a worker's rank", served({.count = 1}));
  table += traffic_row("at one server, a rank of its own", served({.count = 1, .own_ranks = true}));
  table += traffic_row("at 4 servers, ranks of their own", served({.count = 4, .own_ranks = true}));
  table += traffic_row("at 8 servers, the workers' ranks", served({.count = kWorkers}));
  values.block("traffic", table);
}

// [modes]
const PlanServers kModes[] = {{.count = 1, .own_ranks = true, .mode = "sync"},
                              {.count = 1, .own_ranks = true, .mode = "backup", .accept = kWorkers - 1},
                              {.count = 1, .own_ranks = true, .mode = "ssp", .bound = 2},
                              {.count = 1, .own_ranks = true, .mode = "async"}};

std::string mode_row(const PlanServers& servers, const Stragglers& stragglers) {
  const Schedule schedule = make_schedule(make_lenet5(), served(servers));
  const Timeline timeline = simulate(schedule, kSteps, cluster(schedule.world_size()), cost(kStep_s),
                                     {.compute_factor = [&](int rank, int step, int) { return stragglers.factor(rank, step); }});
  const ServingSummary s = summary_of(timeline.pushes);
  double step_s = 0;  // mean of all workers but the first
  for (const RankTimes& each : step_times(schedule, timeline, 0).ranks)
    if (each.rank > 0 && each.rank < kWorkers) step_s += each.step_s / (kWorkers - 1);
  return fmt::format("{:<8} {:>8.0f} ms {:>7.0f} % {:>10.1f} {:>5} {:>12}\n", servers.mode, step_s / ms,
                     100.0 * s.dropped / s.pushes, s.mean_staleness, s.max_staleness, s.max_ahead);
}
// [/modes]

void modes(Values& values) {
  const std::pair<const char*, Stragglers> cases[] = {
      {"equal", {}}, {"slow", {.slow = {{0, kSlow}}}}, {"jitter", {.slow = {}, .jitter = kJitter}}};
  for (const auto& [name, stragglers] : cases) {
    std::string table = "mode            step   thrown   stale by  most  steps ahead\n";
    for (const PlanServers& servers : kModes) table += mode_row(servers, stragglers);
    values.block(name, table);
  }
}

// [stale]
/// Minimises w * w / 2, with gradients of the weights of `staleness` updates ago. Does w become small?
bool converges(double rate, int staleness) {
  std::vector<double> w(static_cast<std::size_t>(staleness) + 1, 1.0);  // the latest at the back
  for (int update = 0; update < 20000; ++update) {
    w.push_back(w.back() - rate * w[w.size() - 1 - static_cast<std::size_t>(staleness)]);
    if (std::abs(w.back()) > 1e6) return false;
  }
  return std::abs(w.back()) < 0.5;
}
// [/stale]

void stale(Values& values) {
  std::string table = "stale by   largest rate that converges\n";
  for (const int staleness : {0, 1, 3, 7, 15}) {
    double good = 0, bad = 4;
    for (int i = 0; i < 30; ++i) (converges((good + bad) / 2, staleness) ? good : bad) = (good + bad) / 2;
    table += fmt::format("{:>8}   {:>27.2f}\n", staleness, good);
  }
  values.block("stale", table);
}

void lesson_12(Values& values) {
  values.value("workers", cat(kWorkers));
  values.value("slow_factor", fmt::format("{:.0f}", kSlow));
  values.block("hand", fmt::format("all at one GPU {:.1f} ms, all at the processor {:.1f} ms, a quarter at each GPU {:.1f} ms",
                                   moving_ms({.count = 1}), moving_ms({.count = 1, .own_ranks = true}), moving_ms({.count = 4})));
  traffic(values);
  modes(values);
  stale(values);
}

}  // namespace

int main(int argc, char** argv) { return lesson::run(argc, argv, lesson_12); }
