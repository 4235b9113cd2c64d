#include <cmath>

#include "reference/core/units.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "simulator/cost/kernels.h"
#include "simulator/cost/representative.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

const Device kV100{.name = "V100-SXM2-16GB",
                   .peak_flops_per_s = {{"fp32", 15.7e12}, {"fp16", 125e12}, {"tf32", 62.5e12}},
                   .memory_bandwidth_bytes_per_s = 900 * GB,
                   .launch_overhead_s = 5 * us};
KernelMachine v100(const std::string& precision) { return kernel_machine(kV100, *find_gpu("Tesla V100-SXM2-16GB"), precision); }

Conv2d conv(int filters, int kernel, int stride = 1, int groups = 1) {
  Conv2d layer;
  layer.out_channels = filters;
  layer.window = square_window(kernel, stride, kernel / 2);
  layer.bias = false;
  layer.groups = groups;
  return layer;
}

double time_of(const Conv2d& layer, const Shape& x, Pass pass, const KernelMachine& machine) {
  return layer_time_s(layer, x, output_shape(layer, x), pass, {}, machine);
}

const GpuWiring kDgx1{.interior = GpuInterior::nvlink_mesh,
                      .devices_per_node = 8,
                      .nvlink_generation = 2,
                      .nvlinks = 6,
                      .fabric = FabricKind::infiniband,
                      .nics = 4,
                      .nic_bytes_per_s = 100 * Gbit};
const GpuWiring kAbci{.interior = GpuInterior::nvlink_mesh,
                      .devices_per_node = 4,
                      .nvlink_generation = 2,
                      .nvlinks = 6,
                      .fabric = FabricKind::infiniband,
                      .nics = 2,
                      .nic_bytes_per_s = 100 * Gbit};

}  // namespace

TEST_CASE("kernels: names of GPUs", "[kernels]") {
  CHECK(find_gpu("Tesla V100-SXM2-32GB")->sms == 80);
  CHECK(find_gpu("GeForce GTX 1080 Ti")->sms == 28);
  CHECK(find_gpu("GeForce GTX 1080")->sms == 20);
  CHECK(find_gpu("RTX 6000 Ada")->compute_capability == 89);
  CHECK(find_gpu("H100 SXM5 80GB")->sms == 132);
  CHECK(find_gpu("NVIDIA GeForce GTX1080Ti")->sms == 28);
  CHECK(find_gpu("GeForce GTX Titan X (Maxwell)")->compute_capability == 52);
  CHECK(find_gpu("GTX TITAN Black")->sms == 15);
  CHECK(find_gpu("RTX A6000")->compute_capability == 86);
  CHECK(find_gpu("Tesla K40m")->sms == 15);
  CHECK(find_gpu("Xeon Phi 7250") == nullptr);
}

TEST_CASE("kernels: a product of whole waves takes what its arithmetic says", "[kernels]") {
  // 80 tiles of 128x128, one a multiprocessor, k = 4096: one wave at 0.9 of the peak, and 1.2 us at the ends.
  const double time_s = gemm_time_s({1024, 1280, 4096}, v100("fp32"));
  CHECK(std::abs(time_s / (2.0 * 1024 * 1280 * 4096 / (15.7e12 * 0.9) + 1.2e-6) - 1) < 1e-9);
  // One tile more in each column begins a second wave for the price of nothing less than a good part of one.
  CHECK(gemm_time_s({1025, 1280, 4096}, v100("fp32")) > time_s * 1.02);
  CHECK(gemm_time_s({0, 1280, 4096}, v100("fp32")) == 0);
}

TEST_CASE("kernels: never faster than peak and memory allow, and slower with more work", "[kernels]") {
  for (const char* precision : {"fp32", "fp16"}) {
    const KernelMachine machine = v100(precision);
    for (const Pass pass : {Pass::forward, Pass::backward_input, Pass::backward_weights}) {
      double before = 0;
      for (const int batch : {1, 2, 4, 8, 16, 32, 64, 128, 256}) {
        const Shape x{batch, 64, 56, 56};
        const double time_s = time_of(conv(128, 5), x, pass, machine);
        const double flops = 2.0 * batch * 128 * 56 * 56 * 64 * 25;
        INFO(precision << " batch " << batch);
        CHECK(time_s > flops / machine.peak_flops_per_s);
        CHECK(time_s > (static_cast<double>(x.count()) * 3) * machine.element_bytes / machine.memory_bytes_per_s);
        CHECK(time_s >= before);
        before = time_s;
      }
    }
  }
}

TEST_CASE("kernels: Winograd, strides, tensor cores and depthwise", "[kernels]") {
  const Shape x{32, 256, 28, 28};
  const KernelMachine single = v100("fp32");
  const double direct_s = 2.0 * 32 * 28 * 28 * 256 * 256 * 9 / 15.7e12;
  CHECK(time_of(conv(256, 3), x, Pass::forward, single) < direct_s);  // fewer multiplications than the FLOPs count
  CHECK(time_of(conv(256, 5), x, Pass::forward, single) > direct_s * 25 / 9);
  CHECK(time_of(conv(256, 3), x, Pass::forward, v100("fp16")) < time_of(conv(256, 3), x, Pass::forward, single));
  // The gradient of x of a stride of 2 multiplies by as many zeros as numbers.
  CHECK(time_of(conv(256, 3, 2), x, Pass::backward_input, single) > 1.5 * time_of(conv(256, 3, 2), x, Pass::forward, single));
  // Depthwise: ten instructions for each tap, in half precision as well; with one tap it moves memory, x and y once.
  const double instructions_s = 2.0 * 9 * static_cast<double>(x.count()) / (15.7e12 * 0.1);
  CHECK(std::abs(time_of(conv(256, 3, 1, 256), x, Pass::forward, single) / instructions_s - 1) < 1e-9);
  CHECK(std::abs(time_of(conv(256, 3, 1, 256), x, Pass::forward, v100("fp16")) / instructions_s - 1) < 1e-9);
  const double moved_s = (2.0 * static_cast<double>(x.count()) + 256) * 4 / (900e9 * 0.88);
  CHECK(std::abs(time_of(conv(256, 1, 1, 256), x, Pass::forward, single) / moved_s - 1) < 1e-9);
  CHECK_THROWS(kernel_machine(kV100, *find_gpu("V100"), "fp64"));
}

TEST_CASE("kernels: what is fused is no kernel, a repeated layer finds its data in L2, channels that tensor cores do not take",
          "[kernels]") {
  const Model model = make_resnet18();
  const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = 1, .global_batch = 32}));
  KernelMachine machine = v100("fp32");
  const CostModel apart = kernel_costs(model, machine);
  machine.fuses = true;
  const CostModel together = kernel_costs(model, machine);
  const Program& program = schedule.programs.front();
  for (const Op& op : program.ops) {
    const auto* compute = std::get_if<Compute>(&op.action);
    if (compute == nullptr || compute->node < 0) continue;
    const Layer& layer = model.nodes[static_cast<std::size_t>(compute->node)].layer;
    const double apart_s = apart.compute_s(program, op, *compute), together_s = together.compute_s(program, op, *compute);
    INFO(op.name);
    if (std::holds_alternative<ReLU>(layer)) {
      CHECK(together_s == 0);
    } else if (std::holds_alternative<Add>(layer) && apart_s > 0) {
      CHECK(together_s < apart_s);
    } else {
      CHECK(together_s == apart_s);
    }
  }
  // Of 4 MiB read and written, L2 of the V100 (6 MiB) has all, of 12 MiB half.
  KernelMachine warm = v100("fp32");
  warm.repeated = true;
  CHECK(std::abs(moving_time_s(4 * MiB, warm) / (moving_time_s(4 * MiB, v100("fp32")) / kL2OverDram) - 1) < 1e-9);
  CHECK(moving_time_s(12 * MiB, warm) < moving_time_s(12 * MiB, v100("fp32")));
  CHECK(moving_time_s(12 * MiB, warm) > moving_time_s(12 * MiB, v100("fp32")) / kL2OverDram);
  KernelMachine first = v100("fp16");
  first.pads_channels = false;
  const Shape image{32, 3, 112, 112};
  CHECK(time_of(conv(64, 7, 2), image, Pass::forward, first) > 2 * time_of(conv(64, 7, 2), image, Pass::forward, v100("fp16")));
}

TEST_CASE("library: an algorithm that is asked for changes what is done where it is said to, and nothing elsewhere",
          "[library]") {
  for (const Library library : {Library::nccl, Library::mpi_host, Library::mpi_gpu, Library::mpi_servers})
    for (int kind = 0; kind < kCollectiveKindCount; ++kind)
      for (const double bytes : {64.0, 1e5, 1e9}) {
        const auto which = static_cast<CollectiveKind>(kind);
        const auto choice = [&](const std::string& force) {
          return library_time(library, which, bytes, {2, 8}, kDgx1, {.force = force}).choice;
        };
        CAPTURE(static_cast<int>(library), to_string(which), bytes);
        if (takes_algorithm(library, which)) {
          CHECK(choice("ring") != choice("tree"));
        } else {
          CHECK(choice("ring") == choice(""));
          CHECK(choice("tree") == choice(""));
        }
      }
}

TEST_CASE("library: rings and trees by their arithmetic", "[library]") {
  const double bytes = 1e9;
  const LibraryTime one_node = library_time(Library::nccl, CollectiveKind::all_reduce, bytes, {1, 8}, kDgx1);
  // Six links of 20 GB/s carry 14/8 of the bytes, or a tree twice of them: the same 120 GB/s, the ring needs less.
  CHECK(one_node.choice == "ring, Simple");
  CHECK(std::abs(one_node.time_s / (bytes * 14 / 8 / 120e9 + 14 * 3.4e-6 + 8.4e-6) - 1) < 1e-9);
  // Four NICs of 11.45 GB/s times 0.9: PCIe reads hold them.
  const double nic = nic_data_bytes_per_s(kDgx1, true);
  CHECK(std::abs(nic / (15.75e9 * 64 / 88 * 0.9) - 1) < 1e-9);
  CHECK(library_time(Library::nccl, CollectiveKind::all_reduce, bytes, {16, 8}, kDgx1).time_s >
        bytes * 2 * 127 / 128 / (4 * nic));
  CHECK(library_time(Library::nccl, CollectiveKind::all_reduce, 8, {1, 8}, kDgx1).choice == "ring, LL");
  CHECK(library_time(Library::nccl, CollectiveKind::all_reduce, 8, {16, 8}, kDgx1).choice == "tree, LL");
  CHECK(library_time(Library::nccl, CollectiveKind::all_reduce, 8, {16, 8}, kDgx1, {.trees = false}).choice == "ring, LL");
  CHECK_THROWS(library_time(Library::nccl, CollectiveKind::all_reduce, 8, {2, 1}, GpuWiring{.devices_per_node = 1}));
  double before = 0;
  for (double size = 8; size < 1e9; size *= 2) {
    const double time_s = library_time(Library::mpi_host, CollectiveKind::all_reduce, size, {4, 4}, kDgx1).time_s;
    CHECK(time_s > before);
    before = time_s;
  }
  const GpuWiring tcp{.fabric = FabricKind::tcp, .nic_bytes_per_s = 10 * Gbit};
  CHECK(std::abs(nic_data_bytes_per_s(tcp, true) / (1.25e9 * 1448 / 1538) - 1) < 1e-12);
}

TEST_CASE("representative: a step is its compute and what communication is not hidden", "[representative]") {
  const Model model = make_lenet5();
  CostModel cost;
  cost.compute_s = [](const Program&, const Op&, const Compute& compute) {
    return compute.kind == ComputeKind::update || compute.work.flops == 0
               ? 0.0
               : 1e-3;  // as many updates as buckets, so they cost nothing
  };
  const Machine machine{.wiring = kDgx1, .ranks_per_node = 8};
  Plan plan = make_plan("data", {.ranks = 8, .global_batch = 64});
  plan.overlap = false;
  plan.bucket_bytes = 1 << 30;
  const StepTime apart = representative_step(make_schedule(model, plan), cost, machine);
  const double gradients = 4.0 * static_cast<double>(parameter_count(model));
  const double collective_s = library_time(Library::nccl, CollectiveKind::all_reduce, gradients, {1, 8}, kDgx1).time_s;
  CHECK(std::abs(apart.communication_s / collective_s - 1) < 1e-9);
  CHECK(std::abs(apart.exposed_s() / collective_s - 1) < 1e-6);
  CHECK(apart.compute_s > apart.forward_s + apart.backward_s - 1e-12);
  plan.overlap = true;
  plan.bucket_bytes = 1 << 10;
  CHECK(representative_step(make_schedule(model, plan), cost, machine).step_s <= apart.step_s);
}

TEST_CASE("representative: a host that is slower than the GPU sets the pace, and waits cost what it then needs",
          "[representative]") {
  const Model model = make_lenet5();
  CostModel cost;
  cost.compute_s = [](const Program&, const Op&, const Compute& compute) { return compute.work.flops > 0 ? 10 * us : 0.0; };
  const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = 1, .global_batch = 64}));
  Machine machine;
  machine.wiring = kDgx1;
  const StepTime fast = representative_step(schedule, cost, machine);
  const double ops = fast.compute_s / (10 * us);
  machine.host.issue_s = 4 * us;
  CHECK(std::abs(representative_step(schedule, cost, machine).step_s / fast.step_s - 1) < 1e-9);  // it runs ahead
  machine.host.issue_s = 30 * us;
  const StepTime slow = representative_step(schedule, cost, machine);
  CHECK(std::abs(slow.step_s / (ops * 30 * us) - 1) < 1e-9);
  CHECK(std::abs(slow.compute_s / slow.step_s - 1) < 1e-9);
  // With a wait after each op nothing overlaps.
  machine.host.segment = 1;
  CHECK(std::abs(representative_step(schedule, cost, machine).step_s / (ops * 40 * us) - 1) < 1e-9);
}

TEST_CASE("representative: a host that waits at collectives, and packs gradients", "[representative]") {
  const Model model = make_lenet5();
  CostModel cost;
  cost.compute_s = [](const Program&, const Op&, const Compute& compute) { return compute.work.flops > 0 ? 10 * us : 0.0; };
  Plan plan = make_plan("data", {.ranks = 8, .global_batch = 64});
  plan.overlap = false;
  plan.bucket_bytes = 1 << 30;
  const Schedule schedule = make_schedule(model, plan);
  Machine machine;
  machine.wiring = kDgx1;
  machine.ranks_per_node = 8;
  const StepTime before = representative_step(schedule, cost, machine);
  machine.host.pack_s = 1 * ms;
  const StepTime packed = representative_step(schedule, cost, machine);
  CHECK(std::abs(packed.communication_s - before.communication_s - 1 * ms) < 1e-12);
  machine.host.issue_s = 4 * us;
  machine.host.waits = true;
  const StepTime waiting = representative_step(schedule, cost, machine);
  CHECK(waiting.step_s > packed.step_s);
  CHECK(std::abs(waiting.compute_s + waiting.communication_s - waiting.step_s) < 1e-9);
}

TEST_CASE("library: few channels for few bytes, and the first chunk of a tree at every hop", "[library]") {
  const auto time_s = [&](double bytes, const Placing& placing) {
    return library_time(Library::nccl, CollectiveKind::all_reduce, bytes, placing, kAbci, {.force = "ring"}).time_s;
  };
  // A ring with LL of 4 ranks: a channel for every 512 x 8 x 4 bytes, each 39/12 GB/s; 6 hops of 0.6 us and a start of 6.6 us.
  CHECK(std::abs(time_s(16384, {1, 4}) / (16384 * 6.0 / 4 / (39e9 / 12) + 6 * 0.6e-6 + 6.6e-6) - 1) < 1e-9);
  CHECK(std::abs(time_s(65536, {1, 4}) - time_s(16384, {1, 4})) < 1e-12);  // four channels for four times as much
  // A tree with LL over 2 nodes, four channels: up and down 6 hops of 0.6 us, and 2 of 5 us.
  // A chunk of 8 KiB takes a channel's 39/12 GB/s at every hop, which is more here than wire and PCIe.
  const auto tree_s = [&](double bytes) {
    return library_time(Library::nccl, CollectiveKind::all_reduce, bytes, {2, 4}, kAbci, {.force = "tree"}).time_s;
  };
  CHECK(std::abs(tree_s(32768) / (6.8e-6 + 6 * 0.6e-6 + 2 * 5e-6 + 8 * 8192 / (39e9 / 12)) - 1) < 1e-9);
  CHECK(time_s(1e6, {16, 4}) > time_s(1e6, {8, 4}));
}

TEST_CASE("library: broadcasts of NCCL by threads, channels and the chain of ranks", "[library]") {
  const auto time_s = [&](double bytes, int nodes, bool in_a_row) {
    return library_time(Library::nccl, CollectiveKind::broadcast, bytes, {nodes, 4}, kAbci,
                        {.version = 20804, .back_to_back = in_a_row})
        .time_s;
  };
  // In a row, little data takes what a launch takes, whatever the number of ranks; else it passes through all of them.
  CHECK(time_s(8, 2, true) == time_s(8, 32, true));
  CHECK(std::abs(time_s(8, 2, true) / 4.8e-6 - 1) < 1e-9);
  CHECK(time_s(8, 32, false) > 32 * 2.7e-6);
  // 64 threads have a line of 8 bytes each under way for a hop of 1.8 x 0.47 us; twice as many bytes as 8 a thread and rank need
  // have twice as many threads.
  const double with_64_s = 16384 / (64 * 8 / (1.8 * 0.47e-6));
  CHECK(std::abs(time_s(16384, 32, true) / (3.6e-6 + with_64_s) - 1) < 1e-9);
  CHECK(std::abs(time_s(131072, 32, true) - time_s(65536, 32, true)) < 1e-9);
  // Simple: chunks of half a MiB, at 45 NVLink hops of 3.4 us and at 14 between nodes of 9.6 us, where two channels share a NIC.
  const double bytes = 32 * MiB, chunk = 512 * KiB, nic = nic_data_bytes_per_s(kAbci, true);
  const double chain_s = 45 * (3.4e-6 + chunk / (ring_bytes_per_s(kAbci, 4) / 2)) + 14 * (9.6e-6 + 2 * chunk / nic);
  CHECK(library_time(Library::nccl, CollectiveKind::broadcast, bytes, {15, 4}, kAbci, {.version = 20804}).choice ==
        "ring, Simple");
  CHECK(std::abs(time_s(bytes, 15, true) / (8.4e-6 + bytes / (2 * nic) + chain_s) - 1) < 1e-9);
}

TEST_CASE("library: what the switch of NVLinks adds comes in pieces, in three stages", "[library]") {
  const GpuWiring hgx{.interior = GpuInterior::nvlink_switch,
                      .devices_per_node = 8,
                      .nvlink_generation = 4,
                      .nvlinks = 18,
                      .pcie_generation = 5,
                      .in_switch_reduction = true};
  const auto time_s = [&](double bytes) {
    const LibraryTime time = library_time(Library::nccl, CollectiveKind::all_reduce, bytes, {1, 8}, hgx);
    CHECK(time.choice == "NVLink SHARP");
    return time.time_s;
  };
  const double rate = ring_bytes_per_s(hgx, 8) * 0.85 / (1 + 1.0 / 8);
  // 16 channels, 8 GPUs and pieces of 64 KiB: 8 MiB of the first round wait twice.
  CHECK(std::abs(time_s(64 * MiB) / (25e-6 + (64 + 2 * 8) * MiB / rate) - 1) < 1e-9);
  CHECK(std::abs(time_s(8 * GiB) / (25e-6 + (8192 + 2 * 16) * MiB / rate) - 1) < 1e-9);
}

TEST_CASE("library: MPI on the host by Open MPI's decisions, with copies in and out", "[library]") {
  const GpuWiring node{.interior = GpuInterior::host, .devices_per_node = 4};
  const auto time_of_kind = [&](CollectiveKind kind, double bytes) {
    return library_time(Library::mpi_host, kind, bytes, {1, 4}, node);
  };
  // A ring of 4: 6 steps of a quarter, copied twice at 5 GB/s, 0.4 us each; three of them added at 4 GB/s, 0.3 us each.
  const LibraryTime ring = time_of_kind(CollectiveKind::all_reduce, 1e6);
  CHECK(ring.choice == "ring");
  CHECK(std::abs(ring.time_s / (6 * (0.4e-6 + 2 * 2.5e5 / 5e9) + 3 * (2.5e5 / 4e9 + 0.3e-6)) - 1) < 1e-9);
  CHECK(time_of_kind(CollectiveKind::all_reduce, 9999).choice == "recursive doubling");
  CHECK(time_of_kind(CollectiveKind::broadcast, 1024).choice == "binomial tree");
  CHECK(time_of_kind(CollectiveKind::broadcast, 65536).choice == "split binary tree");
  CHECK(time_of_kind(CollectiveKind::broadcast, 32 * MiB).choice == "pipeline");
  // The root hands out 64 segments of 1 KiB; one goes down two levels; halves are exchanged.
  CHECK(std::abs(time_of_kind(CollectiveKind::broadcast, 65536).time_s /
                     (64 * (0.4e-6 + 1024 / 5e9) + 2 * (0.4e-6 + 2 * 1024 / 5e9) + 0.4e-6 + 2 * 32768 / 5e9) -
                 1) < 1e-9);
  CHECK(time_of_kind(CollectiveKind::all_to_all, 1e6).choice == "pairwise");
}

TEST_CASE("library: messages of Open MPI and UCX, through buffers of the host or of a GPU that is mapped", "[library]") {
  const auto far_s = [&](Library library, double bytes) { return message_time_s(library, bytes, true, 1, kAbci); };
  const auto near_s = [&](double bytes) { return message_time_s(Library::mpi_gpu, bytes, false, 1, kAbci); };
  const double nic = nic_data_bytes_per_s(kAbci, false);
  // Up to 8 KiB copied at 5 GB/s at both ends, over one NIC; from 256 KiB on not copied, over two.
  CHECK(std::abs(far_s(Library::mpi_host, 4096) / (1e-6 + 2 * 4096 / 5e9 + 4096 / nic) - 1) < 1e-9);
  CHECK(std::abs(far_s(Library::mpi_host, 65536) / (1e-6 + 2 * 8192 / 5e9 + 65536 / nic) - 1) < 1e-9);
  CHECK(std::abs(far_s(Library::mpi_host, 262144) / (1e-6 + 262144 / (2 * nic)) - 1) < 1e-9);
  // Between GPUs of a node: a core reads at 0.55 GB/s and writes at 10, or the driver copies with 10 us over 2 links of 20 GB/s.
  CHECK(std::abs(near_s(1024) / (0.4e-6 + 1.75e-6 + 1024 / 0.55e9 + 0.1e-6 + 1024 / 10e9) - 1) < 1e-9);
  CHECK(std::abs(near_s(131072) / (10e-6 + 131072 / 40e9) - 1) < 1e-9);
  // A stream has no latency, but every message is issued.
  CHECK(std::abs(stream_time_s(Library::mpi_gpu, 8, true, 1, kAbci) / 0.4e-6 - 1) < 1e-9);
  CHECK(std::abs(stream_time_s(Library::nccl, 8, true, 1, kAbci) / 4.8e-6 - 1) < 1e-9);
  CHECK(std::abs(stream_time_s(Library::mpi_host, 8192, true, 1, kAbci) / (8192 / nic) - 1) < 1e-9);  // over one NIC
  CHECK(std::abs(stream_time_s(Library::mpi_host, 4 * MiB, true, 4, kAbci) / (4 * MiB / (2 * nic / 4)) - 1) < 1e-9);
  CHECK_THROWS(stream_time_s(Library::mpi_host, 8, true, 0, kAbci));
}
