// What validate simulates: the same as its closed forms where nothing is shared, and sharing where jobs meet.
#include <cmath>

#include "reference/core/units.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "simulator/cost/cost.h"
#include "simulator/cost/host_adding.h"
#include "simulator/cost/kernels.h"
#include "simulator/engine/simulate.h"
#include "simulator/validate/simulated.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

const Device kV100{.name = "V100-SXM2-16GB",
                   .peak_flops_per_s = {{"fp32", 15.7e12}, {"fp16", 125e12}},
                   .memory_bandwidth_bytes_per_s = 900 * GB,
                   .launch_overhead_s = 5 * us};
const GpuWiring kDgx1{.interior = GpuInterior::nvlink_mesh,
                      .devices_per_node = 8,
                      .nvlink_generation = 2,
                      .nvlinks = 6,
                      .fabric = FabricKind::infiniband,
                      .nics = 4,
                      .nic_bytes_per_s = 100 * Gbit};
const GpuWiring kTcp{.fabric = FabricKind::tcp, .nic_bytes_per_s = 10 * Gbit};

}  // namespace

TEST_CASE("simulated: with the library's times for collectives the engine's step is that of the one rank that stands for all",
          "[validate]") {
  struct Case {
    Model model;
    Plan plan;
    Placing placing;
  };
  std::vector<Case> cases = {{make_lenet5(), make_plan("data", {.ranks = 8, .global_batch = 256}), {1, 8}},
                             {make_resnet18(), make_plan("data", {.ranks = 16, .global_batch = 512}), {2, 8}},
                             {make_alexnet(), make_plan("data", {.ranks = 64, .global_batch = 2048}), {8, 8}},
                             {make_alexnet(), make_plan("filter", {.ranks = 4, .global_batch = 128}), {1, 4}},
                             {make_vgg11(), make_plan("channel", {.ranks = 2, .global_batch = 32}), {1, 2}}};
  cases.push_back(cases[1]);
  cases.back().plan.overlap = false;
  cases.push_back(cases[2]);
  cases.back().plan.bucket_bytes = 1 << 20;
  const KernelMachine machine = kernel_machine(kV100, *find_gpu("V100"), "fp32");
  for (const Case& one : cases) {
    INFO(one.model.name << ", " << one.plan.name << " on " << one.placing.ranks() << ", overlap " << one.plan.overlap);
    const Schedule schedule = make_schedule(one.model, one.plan);
    const CostModel cost = kernel_costs(one.model, machine);
    const Machine described{.wiring = kDgx1, .ranks_per_node = one.placing.ranks_per_node};
    const double walked_s = representative_step(schedule, cost, described).step_s;
    const Cluster cluster = cluster_of(one.placing, Library::nccl, kDgx1);
    const CollectiveCost library = [&](CollectiveKind kind, double bytes, const std::vector<int>&) {
      return library_time(Library::nccl, kind, bytes, one.placing, kDgx1).time_s;
    };
    for (const Fidelity fidelity : {Fidelity::formula, Fidelity::flows}) {
      const Timeline timeline = simulate(schedule, 2, cluster, cost, {.fidelity = fidelity, .collective_s = library});
      CHECK(std::abs(step_times(schedule, timeline, 1).step_time_s / walked_s - 1) < 1e-9);
    }
  }
}

TEST_CASE("simulated: a ring on the links of a machine takes what its closed form says", "[validate]") {
  const double bytes = 1 << 24;
  // Eight ranks on NVLink: 14 steps of an eighth.
  const double start_s = 8.4 * us;  // of Simple
  for (const Fidelity fidelity : {Fidelity::steps, Fidelity::flows}) {
    const double inside_s = simulated_collective_s({CollectiveKind::all_reduce, bytes, {1, 8}}, kDgx1, fidelity);
    CHECK(std::abs(inside_s / (start_s + 14 * (3.4 * us + bytes / 8 / ring_bytes_per_s(kDgx1, 8))) - 1) < 1e-6);
    // Four nodes with TCP: 6 steps of a quarter, three of them added by a core.
    const double wire = nic_data_bytes_per_s(kTcp, false);
    const double far_s = simulated_collective_s({CollectiveKind::all_reduce, bytes, {4, 1}, Library::mpi_host}, kTcp, fidelity);
    CHECK(std::abs(far_s / (6 * (22 * us + bytes / 4 / wire) + 3 * host_adding_s(bytes / 4)) - 1) < 1e-6);
  }
  // Several jobs are rings, which not every kind has.
  CHECK_THROWS(simulated_collective_s({CollectiveKind::all_to_all, bytes, {4, 1}, Library::mpi_host, 2}, kTcp, Fidelity::flows));
}

TEST_CASE("simulated: what a library chooses by size is what is simulated", "[validate]") {
  const auto host_s = [&](CollectiveKind kind, double bytes, const Placing& placing) {
    return simulated_collective_s({kind, bytes, placing, Library::mpi_host}, kTcp, Fidelity::flows);
  };
  // Little goes by recursive doubling: three rounds of all bytes between eight nodes, each added by a core.
  const double wire = nic_data_bytes_per_s(kTcp, false);
  const double round_s = 22 * us + 1024 / wire + host_adding_s(1024);
  CHECK(std::abs(host_s(CollectiveKind::all_reduce, 1024, {8, 1}) / (3 * round_s) - 1) < 1e-6);
  // Broadcasts of little go by a binomial tree; of much in another way, which takes less than three times all bytes.
  CHECK(std::abs(host_s(CollectiveKind::broadcast, 1024, {8, 1}) / (3 * (22 * us + 1024 / wire)) - 1) < 1e-6);
  CHECK(host_s(CollectiveKind::broadcast, 1 << 24, {8, 1}) < 2.5 * (1 << 24) / wire);
  // LL has short hops and half of the bandwidth: 14 of 0.6 us after a start of 6.6.
  const double little_s = simulated_collective_s({CollectiveKind::all_reduce, 64, {1, 8}}, kDgx1, Fidelity::steps);
  CHECK(std::abs(little_s / (6.6 * us + 14 * (0.6 * us + 2 * 8 / ring_bytes_per_s(kDgx1, 8))) - 1) < 1e-6);
  // Sums of GPU memory are copied to the host and back.
  const GpuWiring node{.interior = GpuInterior::nvlink_mesh, .devices_per_node = 4, .nvlink_generation = 2, .nvlinks = 6};
  const auto node_s = [&](Library library) {
    return simulated_collective_s({CollectiveKind::all_reduce, 1 << 20, {1, 4}, library}, node, Fidelity::flows);
  };
  CHECK(std::abs(node_s(Library::mpi_gpu) - node_s(Library::mpi_host) - 2 * gpu_copy_s(1 << 20, 4, node)) < 1e-9);
}

TEST_CASE("simulated: jobs on the same NICs share them", "[validate]") {
  const double bytes = 1 << 26;
  const auto time_s = [&](int jobs) {
    return simulated_collective_s({CollectiveKind::all_reduce, bytes, {4, 1}, Library::mpi_host, jobs}, kTcp, Fidelity::flows);
  };
  const double alone_s = time_s(1);
  for (const int jobs : {2, 3, 8}) {
    INFO(jobs << " jobs");
    const double adding_s = 3 * host_adding_s(bytes / 4);  // on cores of their own
    CHECK(time_s(jobs) - adding_s > 0.97 * jobs * (alone_s - adding_s));
    CHECK(time_s(jobs) - adding_s < 1.03 * jobs * (alone_s - adding_s));
  }
}
