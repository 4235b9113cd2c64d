// Energy of a simulated run (faults/energy.h) against SimGrid's plugins host_energy and link_energy: the run's compute ops as
// executions on hosts that draw the device's power, its messages as communications on links that draw power while bytes are on
// them.
#include <simgrid/plugins/energy.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <numeric>
#include <sstream>
#include <vector>

#include "reference/core/error.h"
#include "simulator/engine/simulate.h"
#include "simulator/faults/energy.h"
#include "tests/catch.h"
#include "tests/engine/in_simgrid.h"
#include "tests/engine/schedules.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

constexpr int kRanks = 4, kIterations = 3, kCount = 4'000'000;
constexpr int kMeeting = 1;  ///< the op that is an all-reduce
/// What every rank sends in a ring all-reduce.
constexpr std::int64_t kSentBytes = 2 * (kRanks - 1) * (kCount / kRanks) * 4;

/// Every rank computes "work", all meet in an all-reduce, and each computes "next".
Schedule training() {
  Schedule schedule = collective_schedule(kRanks, kCount);
  Program& program = schedule.programs[0];
  program.ops.insert(program.ops.begin(), compute_op("work"));
  program.ops[kMeeting].after = {0};
  program.ops.push_back(compute_op("next", 0, {kMeeting}));
  return schedule;
}

Cluster priced_cluster() {
  Cluster cluster = switch_cluster(2, 2);
  cluster.rates = {.device_idle_w = 45, .device_busy_w = 300, .node_w = 1100, .joules_per_byte = 80e-12};
  return cluster;
}

/// A host that draws `idle_w`, and `busy_w` while it computes. It does 1 flop in a second.
sg::s4u::Host* add_host(sg::s4u::NetZone& zone, const std::string& name, double idle_w, double busy_w) {
  sg::s4u::Host* host = sg::add_host(zone, name, 1);
  host->set_property("wattage_per_state", cat(idle_w, ":", busy_w, ":", busy_w));
  return host;
}

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// When each rank ended its last op.
std::vector<double> ends_of(const Timeline& timeline) {
  std::vector<double> ends_s(kRanks, 0);
  for (const Interval& each : timeline.intervals)
    ends_s[static_cast<std::size_t>(each.rank)] = std::max(ends_s[static_cast<std::size_t>(each.rank)], each.end_s);
  return ends_s;
}

/// Does again at the same times what the ranks did. "<joules of devices> <of nodes> <of links>": of each device until its rank
/// was done, of nodes for the mean of these times.
std::string replay(sg::s4u::Engine& engine, const Timeline& timeline, const Rates& rates, const std::vector<double>& ends_s) {
  sg_host_energy_plugin_init();
  sg_link_energy_plugin_init();
  constexpr double kBandwidth = 1e12;  // any: a message that takes longer draws less power
  sg::s4u::NetZone* star = sg::add_star(engine, "energy");
  std::vector<sg::s4u::Host*> devices, nodes;
  std::vector<sg::s4u::Link*> links;
  sg::s4u::Host* sink = sg::add_host(*star, "sink", 1);
  sink->set_property("wattage_per_state", "0:0:0");
  sg::add_route_down(*star, sink, {});
  for (int r = 0; r < kRanks; ++r) {
    devices.push_back(add_host(*star, cat("rank", r), rates.device_idle_w, rates.device_busy_w));
    links.push_back(sg::add_link(*star, cat("up", r), kBandwidth));
    links.back()->set_property("wattage_range", cat("0:", rates.joules_per_byte * kBandwidth));
    sg::add_route_up(*star, devices.back(), {sg::s4u::LinkInRoute(links.back())});
  }
  for (int n = 0; n < 2; ++n) nodes.push_back(add_host(*star, cat("node", n), rates.node_w, rates.node_w));
  sg::seal(engine, *star);
  for (int r = 0; r < kRanks; ++r) {
    sg::s4u::Host* device = devices[static_cast<std::size_t>(r)];
    sg::add_actor(engine, cat("computes", r), device, [&timeline, r] {
      for (const Interval& each : timeline.intervals)
        if (each.rank == r && each.op != kMeeting) {
          sg::s4u::this_actor::sleep_until(each.start_s);
          sg::s4u::this_actor::execute(each.end_s - each.start_s);
        }
    });
    sg::add_actor(engine, cat("sends", r), device, [&timeline, r, device, sink] {
      for (const Interval& each : timeline.intervals)
        if (each.rank == r && each.op == kMeeting) {
          sg::s4u::this_actor::sleep_until(each.start_s);
          sg::s4u::Comm::sendto_async(device, sink, static_cast<std::uint64_t>(kSentBytes))->wait();
        }
    });
  }
  double devices_j = 0, nodes_j = 0, links_j = 0;
  const auto at = [&](double time_s, const std::function<void()>& read) {
    sg::add_actor(engine, "reads", sink, [time_s, read] {
      sg::s4u::this_actor::sleep_until(time_s);
      read();
    });
  };
  for (std::size_t r = 0; r < devices.size(); ++r)
    at(ends_s[r], [&, r] { devices_j += sg_host_get_consumed_energy(devices[r]); });
  at(mean_of(ends_s), [&] {
    for (const sg::s4u::Host* node : nodes) nodes_j += sg_host_get_consumed_energy(node);
  });
  at(end_of(timeline), [&] {
    for (const sg::s4u::Link* link : links) links_j += sg_link_get_consumed_energy(link);
  });
  engine.run();
  char text[100];
  std::snprintf(text, sizeof text, "%.17g %.17g %.17g", devices_j, nodes_j, links_j);
  return text;
}

}  // namespace

TEST_CASE("SimGrid's energy plugins come to the joules of a simulated run") {
  const Cluster cluster = priced_cluster();
  const Schedule schedule = training();
  // Rank 2 is slower, so the others wait for it without computing.
  SimulationOptions options{.fidelity = Fidelity::steps};
  options.compute_factor = [](int rank, int, int) { return rank == 2 ? 1.5 : 1.0; };
  const Timeline timeline = simulate(schedule, kIterations, cluster, times_by_name({{"work", 2e-3}, {"next", 1e-3}}), options);
  const StepTimes times = step_times(schedule, timeline, 0);
  const Energy ours = energy_of_step(cluster, times, kRanks, static_cast<double>(kRanks * kSentBytes));
  const std::vector<double> ends_s = ends_of(timeline);
  const double end_s = mean_of(ends_s);
  REQUIRE(times.mean_step_time_s * kIterations == Approx(end_s).epsilon(1e-12));

  std::istringstream text(in_simgrid([&](sg::s4u::Engine& engine) { return replay(engine, timeline, cluster.rates, ends_s); }));
  double devices_j = 0, nodes_j = 0, links_j = 0;
  REQUIRE(text >> devices_j >> nodes_j >> links_j);
  CHECK(devices_j == Approx(kIterations * ours.devices_j).epsilon(1e-9));
  CHECK(nodes_j == Approx(kIterations * ours.nodes_j).epsilon(1e-9));
  CHECK(links_j == Approx(kIterations * ours.network_j).epsilon(1e-9));

  // By hand: 3 ms of computing on three ranks and 4.5 ms on the slow one, in each of three steps.
  CHECK(devices_j == Approx(kRanks * 45 * end_s + (300 - 45) * kIterations * (3 * 3e-3 + 4.5e-3)).epsilon(1e-9));
  CHECK(nodes_j == Approx(2 * 1100 * end_s).epsilon(1e-9));
  CHECK(links_j == Approx(kIterations * kRanks * 24e6 * 80e-12).epsilon(1e-9));  // 6 quarters of 16 MB
}
