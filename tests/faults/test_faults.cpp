/// Failures against Daly's closed form, intervals against Young's and Daly's, energy against sums by hand.
#include <cmath>
#include <limits>

#include "reference/core/error.h"
#include "simulator/faults/energy.h"
#include "simulator/faults/faults.h"
#include "tests/catch.h"

using namespace convoy;

TEST_CASE("mean times between failures add up as rates") {
  REQUIRE(mtbf_s({.nodes = 10, .node_mtbf_s = 1000}) == Approx(100));
  REQUIRE(mtbf_s({.nodes = 10, .node_mtbf_s = 1000, .links = 40, .link_mtbf_s = 4000}) == Approx(50));
  REQUIRE(mtbf_s({.nodes = 10}) == std::numeric_limits<double>::infinity());
}

TEST_CASE("Young's and Daly's intervals, by hand") {
  REQUIRE(young_interval_s(50, 10000) == Approx(1000));
  // ratio = 50 / 20000 = 0.0025, its root 0.05: 1000 (1 + 0.05 / 3 + 0.0025 / 9) - 50
  REQUIRE(daly_interval_s(50, 10000) == Approx(1000 * (1 + 0.05 / 3 + 0.0025 / 9) - 50));
  REQUIRE(daly_interval_s(300, 100) == 100);
}

TEST_CASE("the best interval is where the goodput by formula is largest, and Daly's comes near") {
  for (const double write_s : {1.0, 30.0, 600.0})
    for (const double mtbf : {3600.0, 86400.0}) {
      CAPTURE(write_s, mtbf);
      const CheckpointCost cost{.write_s = write_s, .restart_s = 60};
      const double best_s = best_interval_s(cost, mtbf), best = expected_goodput(best_s, cost, mtbf);
      // d/dtau = 0: exp((tau + C) / M) (1 - tau / M) = 1
      REQUIRE(std::exp((best_s + write_s) / mtbf) * (1 - best_s / mtbf) == Approx(1).margin(1e-6));
      for (const double factor : {0.5, 0.9, 1.1, 2.0}) REQUIRE(expected_goodput(factor * best_s, cost, mtbf) < best);
      REQUIRE(std::abs(daly_interval_s(write_s, mtbf) - best_s) < 0.01 * best_s);  // 600 s of 3600 s: 0.3 %
      REQUIRE(expected_goodput(daly_interval_s(write_s, mtbf), cost, mtbf) > 0.9999 * best);
    }
}

TEST_CASE("simulated failures take as long as Daly's formula says, in the mean") {
  // One run of n segments is a sum of n independent times, so its mean is within 4 deviations of the formula's. The deviation is
  // estimated from 400 runs.
  for (const double restart_s : {0.0, 40.0})
    for (const double interval_s : {50.0, 200.0}) {
      CAPTURE(restart_s, interval_s);
      FailingRun run{.step_s = 2, .steps = 100 * static_cast<std::int64_t>(interval_s / 2)};
      run.checkpoint_every = static_cast<std::int64_t>(interval_s / 2);
      run.cost = {.write_s = 10, .restart_s = restart_s};
      run.fragile = {.nodes = 4, .node_mtbf_s = 800, .links = 8, .link_mtbf_s = 3200};  // 200 s and 400 s: 133.3 s
      double sum_s = 0, squares = 0, nodes = 0, all = 0;
      const int runs = 400;
      for (int i = 0; i < runs; ++i) {
        run.seed = static_cast<std::uint64_t>(i + 1);
        const FailingRunTimes times = simulate_failures(run);
        REQUIRE(times.useful_s == Approx(static_cast<double>(run.steps) * 2));
        REQUIRE(times.checkpoint_s == Approx(100 * 10.0));
        REQUIRE(times.useful_s + times.checkpoint_s + times.lost_s + times.restart_s == Approx(times.time_s));
        sum_s += times.time_s;
        squares += times.time_s * times.time_s;
        nodes += static_cast<double>(times.node_failures);
        all += static_cast<double>(times.node_failures + times.link_failures);
      }
      const double mean_s = sum_s / runs;
      const double deviation_s = std::sqrt((squares / runs - mean_s * mean_s) / runs);
      const double expected_s = static_cast<double>(run.steps) * 2 / expected_goodput(interval_s, run.cost, mtbf_s(run.fragile));
      CAPTURE(mean_s, expected_s, deviation_s);
      REQUIRE(std::abs(mean_s - expected_s) <= 4 * deviation_s);
      REQUIRE(nodes / all == Approx(2.0 / 3).margin(4 * std::sqrt(2.0 / 9 / all)));  // rates 1/200 and 1/400
    }
}

TEST_CASE("without failures a run takes its steps and its checkpoints") {
  FailingRun run{.step_s = 3, .steps = 10, .checkpoint_every = 4};
  run.cost = {.write_s = 1, .restart_s = 100};
  const FailingRunTimes times = simulate_failures(run);
  REQUIRE(times.time_s == Approx(10 * 3 + 3 * 1));  // after steps 4, 8 and 10
  REQUIRE(times.lost_s == 0);
  REQUIRE(times.restart_s == 0);
  REQUIRE(expected_goodput(12, run.cost, mtbf_s(run.fragile)) == Approx(12.0 / 13));
  run.steps = 0;
  REQUIRE_THROWS_AS(simulate_failures(run), std::invalid_argument);
}

TEST_CASE("a run that cannot advance is refused") {
  FailingRun run{.step_s = 100, .steps = 1, .checkpoint_every = 1};
  run.fragile = {.nodes = 1, .node_mtbf_s = 1};
  REQUIRE_THROWS_AS(simulate_failures(run), LimitError);
}

TEST_CASE("energy and price of a step, by hand") {
  Cluster cluster;
  cluster.nodes = 4;
  cluster.devices_per_node = 2;
  cluster.rates = {.device_idle_w = 100, .device_busy_w = 400, .node_w = 50, .joules_per_byte = 1e-9, .price_per_device_hour = 3.6};
  StepTimes times;
  times.mean_step_time_s = 4;
  times.compute_s = 2;
  // As in SimGrid's plugin: 2 s at 400 W and 2 s at 100 W are 1000 J; three ranks lie on two nodes.
  const Energy energy = energy_of_step(cluster, times, 3, 5e9);
  REQUIRE(energy.devices_j == Approx(3 * 1000));
  REQUIRE(energy.nodes_j == Approx(2 * 50 * 4));
  REQUIRE(energy.network_j == Approx(5));
  REQUIRE(energy.total_j() == Approx(3405));
  REQUIRE(price(cluster.rates, 3, 1000) == Approx(3.0));  // 3 x 1000 s x 3.6 / 3600 s
}

TEST_CASE("rates of a cluster file arrive in W and J, and are written back the same") {
  const std::string yaml = R"(
name: priced
nodes: 2
node: {devices: 1, device: V100-SXM2-16GB, nic: {bandwidth: 100Gbit/s, latency: 3us}}
rates:
  device: {idle: 45W, busy: 0.3kW}
  node: 1100W
  transfer: 10pJ/bit
  price: 3.06USD/h
  source: "assumed"
)";
  const Cluster cluster = parse_cluster(yaml, "priced.yaml");
  REQUIRE(cluster.rates.device_idle_w == 45);
  REQUIRE(cluster.rates.device_busy_w == 300);
  REQUIRE(cluster.rates.node_w == 1100);
  REQUIRE(cluster.rates.joules_per_byte == Approx(80e-12));
  REQUIRE(cluster.rates.price_per_device_hour == 3.06);
  REQUIRE(cluster.rates.currency == "USD");
  REQUIRE(parse_cluster(to_yaml(cluster), "written.yaml") == cluster);
  const auto error_of = [&](const std::string& from, const std::string& to) -> std::string {
    std::string text = yaml;
    text.replace(text.find(from), from.size(), to);
    try {
      (void)parse_cluster(text, "priced.yaml");
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  REQUIRE(error_of("45W", "45V").find("priced.yaml:6:18: rates.device.idle: '45V' is not a power") != std::string::npos);
  REQUIRE(error_of("0.3kW", "30W").find("a busy device draws 30 W and an idle one 45 W") != std::string::npos);
  REQUIRE(error_of("3.06USD/h", "3.06").find("is not a price") != std::string::npos);
  REQUIRE(error_of("10pJ/bit", "10pJ").find("unknown unit 'pJ'") != std::string::npos);
}

TEST_CASE("energies are written for people") {
  REQUIRE(format_energy(0.5) == "500 mJ");
  REQUIRE(format_energy(1000) == "1 kJ");
  REQUIRE(format_energy(0) == "0 J");
  REQUIRE(format_energy(2.78e6) == "2.78 MJ");
  REQUIRE(format_energy(7.2e6) == "2 kWh");
}
