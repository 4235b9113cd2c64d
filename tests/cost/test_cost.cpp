#include <cmath>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "simulator/cost/cost.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

template <class F>
std::string input_error_of(const F& f) {
  try {
    f();
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

const Device kDevice{.name = "test",
                     .peak_flops_per_s = {{"fp32", 10e12}, {"fp16", 80e12}},
                     .memory_bandwidth_bytes_per_s = 500 * GB,
                     .memory_bytes = 0,
                     .launch_overhead_s = 3 * us,
                     .source = "a test"};

double time_of(const CostModel& cost, const Compute& compute, int batch = 1) {
  Program program;
  program.batch = batch;
  return cost.compute_s(program, Op{"the op", 0, {}, compute}, compute);
}

Compute with_work(double flops, double bytes_read, double bytes_written) {
  return {ComputeKind::forward, 0, {}, {flops, bytes_read, bytes_written}};
}

/// A compute op of a node of LeNet-5; for zero and update on `count` elements.
Compute of_kind(ComputeKind kind, int node, std::int64_t count = 0) {
  return {kind,
          node,
          {{Role::bias, Access::read, {0, {0, count / 2}}}, {Role::gradients, Access::write, {0, {0, count}}}},
          {1, 1, 1}};
}

ProfileEntry entry(const std::string& node, ComputeKind kind, int batch, std::int64_t count, double time_s) {
  return {.node = node, .kind = kind, .batch = batch, .count = count, .time_s = time_s, .spread_s = 0, .samples = 5};
}

Profile lenet_profile() {
  Profile profile;
  profile.model = "lenet5";
  profile.entries = {
      entry("conv1", ComputeKind::forward, 16, 0, 2 * ms),  entry("conv1", ComputeKind::forward, 8, 0, 1.5 * ms),
      entry("conv1", ComputeKind::forward, 64, 0, 10 * ms), entry("conv1", ComputeKind::backward_weights, 16, 0, 5 * ms),
      entry("", ComputeKind::load, 16, 0, 1 * ms),          entry("", ComputeKind::update, 16, 1000, 4 * us),
      entry("", ComputeKind::update, 16, 3000, 6 * us),     entry("", ComputeKind::zero, 16, 1000, 1 * us)};
  return profile;
}

}  // namespace

TEST_CASE("the roofline is launch overhead plus the longer of computing and moving") {
  const CostModel cost = roofline(kDevice, "fp32");
  REQUIRE(time_of(cost, with_work(1e12, 1e9, 2e9)) == Approx(3 * us + 0.1));   // computing: 0.1 s, moving 6 ms
  REQUIRE(time_of(cost, with_work(1e9, 30e9, 20e9)) == Approx(3 * us + 0.1));  // moving: 0.1 s, computing 0.1 ms
  REQUIRE(time_of(roofline(kDevice, "fp16"), with_work(1e12, 1, 1)) == Approx(3 * us + 0.0125));
  REQUIRE(time_of(cost, with_work(0, 0, 0)) == 0);  // nothing to do, nothing launched
  REQUIRE(!cost.receive_s);
}

TEST_CASE("the roofline of VGG-16 is near its FLOPs over the peak") {
  const Model model = make_model("vgg16");
  const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = 1, .global_batch = 32}));
  const Device& device = load_cluster("dgx-v100").device;
  const CostModel cost = roofline(device, schedule.precision);
  double time_s = 0;
  double flops = 0;
  for (const Op& op : schedule.programs.at(0).ops)
    if (const auto* compute = std::get_if<Compute>(&op.action)) {
      time_s += cost.compute_s(schedule.programs[0], op, *compute);
      flops += compute->work.flops;
    }
  REQUIRE(flops == Approx(3 * 31.0e9 * 32)
                       .epsilon(0.03));  // 31 GFLOP an image forward (He et al. 2016: 15.3 G multiply-adds), twice that back
  REQUIRE(time_s >= flops / 15.7e12);
  REQUIRE(time_s <= 1.5 * flops / 15.7e12);
}

TEST_CASE("a precision without a peak, or none at all, is an error that names those there are") {
  const std::string missing = input_error_of([] { roofline(kDevice, "bf16"); });
  REQUIRE(contains(missing, "device 'test' has no peak for bf16; it has fp16, fp32"));
  const std::string unknown = input_error_of([] { roofline(kDevice, "fp23"); });
  REQUIRE(contains(unknown, "unknown precision 'fp23'; did you mean 'fp32'?"));
}

TEST_CASE("free compute takes no time") {
  REQUIRE(time_of(free_compute(), with_work(1e12, 1e9, 1e9)) == 0);
  REQUIRE(!free_compute().receive_s);
}

TEST_CASE("a measured batch takes the measured time, others the straight line or the proportion") {
  const CostModel cost = from_profile(lenet_profile(), make_model("lenet5"));
  const Compute forward = of_kind(ComputeKind::forward, 0);
  REQUIRE(time_of(cost, forward, 16) == 2 * ms);
  REQUIRE(time_of(cost, forward, 8) == 1.5 * ms);
  REQUIRE(time_of(cost, forward, 12) == Approx(1.75 * ms));
  REQUIRE(time_of(cost, forward, 40) == Approx(6 * ms));
  REQUIRE(time_of(cost, forward, 4) == Approx(0.75 * ms));
  REQUIRE(time_of(cost, forward, 128) == Approx(20 * ms));
  REQUIRE(time_of(cost, forward, 0) == 0);
  REQUIRE(time_of(cost, of_kind(ComputeKind::backward_weights, 0), 32) == Approx(10 * ms));
  REQUIRE(time_of(cost, of_kind(ComputeKind::load, -1), 8) == Approx(0.5 * ms));
}

TEST_CASE("zero and update are looked up by elements, whatever the batch") {
  const CostModel cost = from_profile(lenet_profile(), make_model("lenet5"));
  REQUIRE(time_of(cost, of_kind(ComputeKind::update, -1, 1000), 7) == 4 * us);
  REQUIRE(time_of(cost, of_kind(ComputeKind::update, -1, 2000), 0) == Approx(5 * us));
  REQUIRE(time_of(cost, of_kind(ComputeKind::update, -1, 6000), 7) == Approx(12 * us));
  REQUIRE(time_of(cost, of_kind(ComputeKind::update, -1, 500), 7) == Approx(2 * us));
  REQUIRE(time_of(cost, of_kind(ComputeKind::update, -1, 0), 7) == 0);
  REQUIRE(time_of(cost, of_kind(ComputeKind::zero, -1, 4000), 7) == Approx(4 * us));
}

TEST_CASE("adding what arrived costs what the transport measured, copying nothing more") {
  Profile profile = lenet_profile();
  REQUIRE(!from_profile(profile, make_model("lenet5")).receive_s);
  profile.transport =
      TransportProfile{.name = "threads", .latency_s = 1e-5, .bandwidth_bytes_per_s = 1e10, .add_s_per_byte = 2e-10};
  const CostModel cost = from_profile(profile, make_model("lenet5"));
  REQUIRE(cost.receive_s(OnReceive::add, 1000) == Approx(2e-7));
  REQUIRE(cost.receive_s(OnReceive::copy, 1000) == 0);
}

TEST_CASE("what was not measured is named, with the command that measures it") {
  const CostModel cost = from_profile(lenet_profile(), make_model("lenet5"));
  const std::string message = input_error_of([&] { time_of(cost, of_kind(ComputeKind::backward_input, 0), 16); });
  REQUIRE(contains(message, "no time for 'the op' (backward_input of conv1)"));
  REQUIRE(contains(message, "convoy profile --model lenet5 --batch-per-rank 16"));
}

TEST_CASE("a profile of another model, or with impossible entries, is refused") {
  const Model model = make_model("lenet5");
  const auto error_with = [&](const ProfileEntry& bad) {
    Profile profile = lenet_profile();
    profile.entries.push_back(bad);
    return input_error_of([&] { from_profile(profile, model); });
  };
  REQUIRE(contains(input_error_of([&] { from_profile(lenet_profile(), make_model("vgg16")); }),
                   "measured for 'lenet5', not for 'vgg16'"));
  REQUIRE(contains(error_with(entry("conv9", ComputeKind::forward, 16, 0, 1)), "names a node that the model does not have"));
  REQUIRE(contains(error_with(entry("conv2", ComputeKind::forward, 0, 0, 1)), "batch 0, which must be positive"));
  REQUIRE(contains(error_with(entry("", ComputeKind::zero, 16, 0, 1)), "count 0, which must be positive"));
  REQUIRE(contains(error_with(entry("conv2", ComputeKind::forward, 16, 0, NAN)), "time_s nan"));
  REQUIRE(contains(error_with(entry("conv2", ComputeKind::forward, 16, 0, -1)), "time_s -1"));
  Profile profile = lenet_profile();
  profile.transport = TransportProfile{.name = "threads", .add_s_per_byte = NAN};
  REQUIRE(contains(input_error_of([&] { from_profile(profile, model); }), "add_s_per_byte nan"));
}
