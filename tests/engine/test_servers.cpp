// Simulated parameter servers: times that can be worked out by hand, and the policy of real ones.
#include <algorithm>

#include "reference/core/payload.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "reference/schedule/stragglers.h"
#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

Plan served(const PlanServers& servers, int workers, int batch) {
  return make_plan("parameter_server", {.ranks = workers + (servers.own_ranks ? servers.count : 0), .global_batch = batch, .servers = servers});
}

/// 40 million weights, 160 MB, and nothing else.
Model one_matrix() {
  ModelBuilder net("matrix", {1, 4000, 1, 1}, 10000);
  net.add("flatten", Flatten{});
  net.add("fc", Linear{10000, false});
  return net.finish();
}

/// Backward and forward of an image take 1 ms, updates and adding nothing.
CostModel one_ms_an_image() {
  CostModel cost;
  cost.compute_s = [](const Program& program, const Op&, const Compute& compute) {
    return compute.kind == ComputeKind::load ? 1 * ms * program.batch : 0;
  };
  return cost;
}

}  // namespace

TEST_CASE("the arithmetic of d2l.ai: 160 MB over PCIe of 16 GB/s take 60, 80 and 15 ms") {
  // https://d2l.ai, "Parameter Servers": all on one GPU 2 x 3 x 10 ms, on the processor 2 x 4 x 10 ms, a quarter on each GPU
  // 2 x 3 x 2.5 ms.
  const Cluster cluster = load_cluster("pcie-switch-4gpu");
  const auto time_s = [&](const PlanServers& servers) {
    const Schedule schedule = make_schedule(one_matrix(), served(servers, 4, 4));
    return end_of(simulate(schedule, 1, cluster, free_compute()));
  };
  REQUIRE(relative_error(time_s({.count = 1}), 60 * ms) <= 1e-9);
  REQUIRE(relative_error(time_s({.count = 1, .own_ranks = true}), 80 * ms) <= 1e-9);
  REQUIRE(relative_error(time_s({.count = 4}), 15 * ms) <= 1e-9);
}

TEST_CASE("compressed pushes take their bytes' time, and unpacking them the server's") {
  // As above with the server on the processor: 4 pushes of 8 bits and a scale for 256, then 40 ms of weights as they are.
  const Cluster cluster = load_cluster("pcie-switch-4gpu");
  Plan plan = served({.count = 1, .own_ranks = true}, 4, 4);
  plan.compression.method = "int8";
  const Schedule schedule = make_schedule(one_matrix(), plan);
  const double push_s = 4.0 * static_cast<double>(int8_words(40'000'000)) / 16e9;
  REQUIRE(relative_error(end_of(simulate(schedule, 1, cluster, free_compute())), 4 * push_s + 40 * ms) <= 1e-9);
  CostModel unpacking = free_compute();
  unpacking.compute_s = [](const Program&, const Op& op, const Compute& compute) {
    return compute.kind == ComputeKind::decompress && std::holds_alternative<Serve>(op.action) ? 3 * ms : 0;
  };
  REQUIRE(relative_error(end_of(simulate(schedule, 1, cluster, unpacking)), 4 * push_s + 52 * ms) <= 1e-9);
}

TEST_CASE("equal workers of an asynchronous server are stale by their number less one") {
  for (const int workers : {2, 3, 5, 8}) {
    const Schedule schedule = make_schedule(make_model("lenet5"), served({.count = 1, .own_ranks = true, .mode = "async"}, workers, workers));
    const Timeline timeline = simulate(schedule, 12, switch_cluster(workers + 1, 1), one_ms_an_image());
    double sum = 0;
    int counted = 0;
    for (const ServedPush& push : timeline.pushes) {
      if (push.iteration == 0) continue;  // nobody was there before
      sum += push.staleness;
      ++counted;
    }
    REQUIRE(counted == workers * 11);
    REQUIRE(sum / counted == workers - 1);
    REQUIRE(check_timeline(schedule, 12, timeline).empty());
  }
}

TEST_CASE("however workers are slowed, nobody is further ahead than the bound, and no gradient staler than that allows") {
  int waited = 0;  // traces in which somebody came to the bound
  for (const int workers : {2, 3, 5})
    for (const int bound : {0, 1, 3})
      for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        const Schedule schedule =
            make_schedule(make_model("lenet5"), served({.count = 1, .own_ranks = true, .mode = "ssp", .bound = bound}, workers, workers));
        const Stragglers stragglers{.slow = {{0, 1.0 + static_cast<double>(seed % 3)}}, .jitter = 1.0, .seed = seed};
        SimulationOptions options;
        options.compute_factor = [&](int rank, int iteration, int) { return stragglers.factor(rank, iteration); };
        const Timeline timeline = simulate(schedule, 12, switch_cluster(workers + 1, 1), one_ms_an_image(), options);
        CAPTURE(workers, bound, seed);
        REQUIRE(timeline.pushes.size() == static_cast<std::size_t>(12 * workers));
        const ServingSummary summary = summary_of(timeline.pushes);
        REQUIRE(summary.max_ahead <= bound);
        REQUIRE(summary.max_staleness <= (workers - 1) * (2 * bound + 1));
        waited += summary.max_ahead == bound ? 1 : 0;
      }
  REQUIRE(waited >= 40);  // of 54
}

TEST_CASE("a slow worker: what each mode makes of it") {
  // 7 images on 3 workers: 3, 2 and 2 ms a step. Links and updates take next to nothing.
  const auto run = [](const PlanServers& servers) {
    const Schedule schedule = make_schedule(make_model("lenet5"), served(servers, 3, 7));
    Cluster cluster = switch_cluster(3, 1);
    cluster.nic = {0, 1e15};
    return simulate(schedule, 20, cluster, one_ms_an_image());
  };
  const auto end_of_worker = [](const Timeline& timeline, int rank) {
    double end = 0;
    for (const Interval& interval : timeline.intervals)
      if (interval.rank == rank) end = std::max(end, interval.end_s);
    return end;
  };
  const Timeline sync = run({.count = 1});
  REQUIRE(end_of_worker(sync, 1) == Approx(60 * ms));
  const Timeline backup = run({.count = 1, .mode = "backup", .accept = 2});
  REQUIRE(end_of_worker(backup, 1) == Approx(40 * ms));
  REQUIRE(summary_of(backup.pushes).dropped == 20);  // all of the slow one
  REQUIRE(summary_of(backup.pushes).updates == 20);
  const Timeline async = run({.count = 1, .mode = "async"});
  REQUIRE(end_of_worker(async, 1) == Approx(40 * ms));
  REQUIRE(summary_of(async.pushes).updates == 60);
  REQUIRE(summary_of(async.pushes).max_ahead > 3);
  for (const int bound : {0, 1, 2, 4}) {
    const Timeline ssp = run({.count = 1, .mode = "ssp", .bound = bound});
    const ServingSummary summary = summary_of(ssp.pushes);
    CAPTURE(bound);
    REQUIRE(summary.max_ahead == bound);
    REQUIRE(summary.max_staleness <= 2 * (2 * bound + 1));
    // 20 steps, the last of which may begin when the slow one has done 19 - bound of its own.
    REQUIRE(end_of_worker(ssp, 1) == Approx(std::max(40.0, (19 - bound) * 3.0 + 2) * ms).epsilon(0.05));
  }
}

TEST_CASE("workers that do not wait for each other: their rates add up, whatever the slowest takes") {
  // 6 images on 3 workers of 1000 images/s; the first, which may serve as well, takes twice as long: 4, 2 and 2 ms a step.
  const auto times_of = [](const PlanServers& servers) {
    const Schedule schedule = make_schedule(make_model("lenet5"), served(servers, 3, 6));
    Cluster cluster = switch_cluster(schedule.world_size(), 1);
    cluster.nic = {0, 1e15};
    const Timeline timeline = simulate(schedule, 20, cluster, one_ms_an_image(),
                                       {.compute_factor = [](int rank, int, int) { return rank == 0 ? 2.0 : 1.0; }});
    const StepTimes times = step_times(schedule, timeline, 1);
    REQUIRE(times.compute_s + times.exposed_communication_s + times.wait_s + times.bubble_s == Approx(times.mean_step_time_s));
    REQUIRE(times.independent_workers == (servers.mode != "sync"));
    return times;
  };
  for (const bool own : {false, true}) {
    CAPTURE(own);
    REQUIRE(times_of({.count = 1, .own_ranks = own}).step_time_s == Approx(4 * ms));
    const StepTimes async = times_of({.count = 1, .own_ranks = own, .mode = "async"});
    REQUIRE(6 / async.step_time_s == Approx(500 + 1000 + 1000).epsilon(1e-3));
    REQUIRE(async.ranks.at(0).step_s == Approx(4 * ms).epsilon(1e-3));
    REQUIRE(async.ranks.at(1).step_s == Approx(2 * ms).epsilon(1e-3));
    // All that the slow one pushes is thrown away.
    const StepTimes backup = times_of({.count = 1, .own_ranks = own, .mode = "backup", .accept = 2});
    REQUIRE(6 / backup.step_time_s == Approx(1000 + 1000).epsilon(1e-3));
    // Bound to the slow one: faster than in step with it by the head start only.
    const double ssp_s = times_of({.count = 1, .own_ranks = own, .mode = "ssp", .bound = 1}).step_time_s;
    REQUIRE(ssp_s < 4 * ms);
    REQUIRE(ssp_s > 3.5 * ms);
  }
}

TEST_CASE("servers on hosts: messages over the link of the host's memory, updates at its pace") {
  Cluster cluster = load_cluster("pcie-switch-4gpu");  // devices with 16 GB/s each
  cluster.devices_per_node = 4;
  cluster.host = {0, 16 * GB};
  const PlanServers servers{.count = 1, .own_ranks = true, .on_hosts = true};
  const Schedule schedule = make_schedule(one_matrix(), served(servers, 4, 4));
  SimulationOptions options{.placement = {0, 1, 2, 3, cluster.world_size()}};
  const auto time_s = [&] { return end_of(simulate(schedule, 1, cluster, free_compute(), options)); };
  REQUIRE(relative_error(time_s(), 80 * ms) <= 1e-9);  // four of 10 ms each way, through one link
  cluster.host.bandwidth_bytes_per_s = 32 * GB;
  REQUIRE(relative_error(time_s(), 40 * ms) <= 1e-9);
  options.host_costs.resize(1);
  options.host_costs[0].compute_s = [](const Program&, const Op&, const Compute& compute) {
    return compute.kind == ComputeKind::sum ? 1 * ms : 2 * ms;
  };
  REQUIRE(relative_error(time_s(), 45 * ms) <= 1e-9);  // three pushes are added to the first, then an update
  // The busiest links are those of the host, and their names say so.
  const Timeline timeline = simulate(schedule, 1, cluster, free_compute(), options);
  REQUIRE(timeline.links.at(0).name.starts_with("node0.host."));
  REQUIRE(timeline.links.at(0).bytes == 4 * 160e6);
  options.placement = {0, 1, 2, cluster.world_size(), 3};
  REQUIRE_THROWS_AS(time_s(), std::invalid_argument);  // a worker cannot be a host
}

TEST_CASE("servers on the hosts of two nodes: their workers push to both") {
  Cluster cluster = switch_cluster(2, 2, 2);
  cluster.nic.latency_s = cluster.node_link.latency_s = 0;
  cluster.host = {0, 20 * GB};
  const PlanServers servers{.count = 2, .own_ranks = true, .on_hosts = true};
  const Schedule schedule = make_schedule(one_matrix(), served(servers, 4, 4));
  const SimulationOptions options{.placement = {0, 1, 2, 3, 4, 5}};  // devices, then the hosts of both nodes
  // Each host takes 80 MB of four workers at 20 GB/s: 16 ms each way. From the other node they come by NIC 0 of the host's node,
  // 160 MB at 10 GB/s, in as long.
  REQUIRE(relative_error(end_of(simulate(schedule, 1, cluster, free_compute(), options)), 32 * ms) <= 1e-9);
}

TEST_CASE("servers on hosts and devices of several kinds take as long as their own nodes do") {
  Cluster cluster = switch_cluster(1, 2, 2);
  cluster.nic.latency_s = cluster.node_link.latency_s = 0;
  cluster.host = {0, 20 * GB};
  cluster.others = {cluster};  // a node of its own kind, as fast so far
  const auto updates_take = [](double time_s) {
    return CostModel{.compute_s = [=](const Program&, const Op&, const Compute& compute) {
                       return compute.kind == ComputeKind::update ? time_s : 0;
                     },
                     .receive_s = nullptr};
  };
  // As in the test above, and then an update of the slower of both hosts.
  const Schedule on_hosts = make_schedule(one_matrix(), served({.count = 2, .own_ranks = true, .on_hosts = true}, 4, 4));
  SimulationOptions hosts{.placement = {0, 1, 2, 3, 4, 5}};
  for (const auto& [first, second] : {std::pair{1 * ms, 5 * ms}, {5 * ms, 1 * ms}, {2 * ms, 2 * ms}}) {
    hosts.host_costs = {updates_take(first), updates_take(second)};
    REQUIRE(relative_error(end_of(simulate(on_hosts, 1, cluster, updates_take(9), hosts)), 32 * ms + std::max(first, second)) <= 1e-9);
  }
  hosts.host_costs.resize(1);
  REQUIRE_THROWS_AS(simulate(on_hosts, 1, cluster, free_compute(), hosts), std::invalid_argument);
  // Two workers on the first node, two servers on the second.
  const Schedule on_devices = make_schedule(one_matrix(), served({.count = 2, .own_ranks = true}, 2, 4));
  const auto time_s = [&](double first, double second) {
    return end_of(simulate(on_devices, 1, cluster, updates_take(first), {.other_costs = {updates_take(second)}}));
  };
  REQUIRE(relative_error(time_s(0, 7 * ms), time_s(0, 0) + 7 * ms) <= 1e-9);
  REQUIRE(relative_error(time_s(7 * ms, 0), time_s(0, 0)) <= 1e-9);
}

TEST_CASE("servers by formula take what their links take alone") {
  const Schedule schedule = make_schedule(one_matrix(), served({.count = 1, .own_ranks = true}, 4, 4));
  const Timeline timeline =
      simulate(schedule, 1, load_cluster("pcie-switch-4gpu"), free_compute(), {.fidelity = Fidelity::formula});
  REQUIRE(relative_error(end_of(timeline), 20 * ms) <= 1e-9);
}
