#include <algorithm>
#include <cmath>
#include <map>
#include <set>

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

/// The time of an op, whose operands get so many images.
double time_of(const CostModel& cost, Compute compute, int batch = 1) {
  Program program;
  for (Operand& operand : compute.operands)
    if (operand.role == Role::x || operand.role == Role::y || operand.role == Role::dx || operand.role == Role::dy)
      operand.box.n.count = batch;
  return cost.compute_s(program, Op{"the op", 0, {}, compute}, compute);
}

Compute with_work(double flops, double bytes_read, double bytes_written) {
  return {ComputeKind::forward, 0, {}, {flops, bytes_read, bytes_written}};
}

Box image(int c, int h, int w) { return box_of({1, c, h, w}); }

/// A compute op of conv1 of LeNet-5 on whole images.
Compute of_conv1(ComputeKind kind, const Box& x = image(1, 28, 28), const Box& y = image(6, 28, 28)) {
  const bool backward = kind == ComputeKind::backward_weights;
  return {kind,
          0,
          {{Role::weight, Access::read, {0, {0, 150}}, box_of({6, 1, 5, 5})},
           {Role::x, Access::read, {}, x},
           {backward ? Role::dy : Role::y, Access::read, {}, y}},
          {1, 1, 1}};
}

Compute loading() { return {ComputeKind::load, -1, {{Role::y, Access::write, {}, image(1, 28, 28)}}, {0, 1, 1}}; }

/// An op on `count` elements.
Compute flat(ComputeKind kind, std::int64_t count) {
  return {kind,
          -1,
          {{Role::weights, Access::read, {0, {0, count / 2}}}, {Role::gradients, Access::write, {0, {0, count}}}},
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
      entry("", ComputeKind::load, 16, 0, 1 * ms),          entry("", ComputeKind::update, 0, 1000, 4 * us),
      entry("", ComputeKind::update, 0, 3000, 6 * us),      entry("", ComputeKind::zero, 0, 1000, 1 * us)};
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
  const Compute forward = of_conv1(ComputeKind::forward);
  REQUIRE(time_of(cost, forward, 16) == 2 * ms);
  REQUIRE(time_of(cost, forward, 8) == 1.5 * ms);
  REQUIRE(time_of(cost, forward, 12) == Approx(1.75 * ms));
  REQUIRE(time_of(cost, forward, 40) == Approx(6 * ms));
  REQUIRE(time_of(cost, forward, 4) == Approx(0.75 * ms));
  REQUIRE(time_of(cost, forward, 128) == Approx(20 * ms));
  REQUIRE(time_of(cost, forward, 0) == 0);
  REQUIRE(time_of(cost, of_conv1(ComputeKind::backward_weights), 32) == Approx(10 * ms));
  REQUIRE(time_of(cost, loading(), 8) == Approx(0.5 * ms));
}

TEST_CASE("measured jitter repeats whole measured steps, each rank in an order of its own") {
  Profile profile = lenet_profile();
  profile.entries[0].steps_s = {2 * ms, 4 * ms, 1 * ms, 2 * ms};   // conv1 forward of 16 images, median 2 ms
  profile.entries[3].steps_s = {5 * ms, 20 * ms, 5 * ms, 10 * ms};  // its weights' gradient, median 5 ms
  const Model model = make_model("lenet5");
  const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = 8, .global_batch = 128}));
  const std::vector<Op>& ops = schedule.programs[0].ops;
  const auto named = [&](const std::string& name) {
    const auto op = std::find_if(ops.begin(), ops.end(), [&](const Op& o) { return o.name == name; });
    REQUIRE(op != ops.end());
    return static_cast<int>(op - ops.begin());
  };
  const int forward = named("conv1.forward"), backward = named("conv1.backward_weights"), other = named("conv2.forward");
  const auto jitter = measured_jitter(profile, model, schedule, 1);
  const std::map<double, double> together = {{1, 1}, {2, 4}, {0.5, 1}};  // by the forward's factor; 1 stands for two steps
  std::set<std::vector<double>> orders;
  for (int rank = 0; rank < 8; ++rank) {
    std::vector<double> factors;
    for (int iteration = 0; iteration < 8; ++iteration) {
      factors.push_back(jitter(rank, iteration, forward));
      REQUIRE(jitter(rank, iteration, other) == 1);
      const double back = jitter(rank, iteration, backward);
      REQUIRE((back == together.at(factors.back()) || (factors.back() == 1 && back == 2)));
    }
    orders.insert(factors);
    for (const std::ptrdiff_t first : {0, 4}) {  // every measured step once before any again
      std::vector<double> once(factors.begin() + first, factors.begin() + first + 4);
      std::sort(once.begin(), once.end());
      REQUIRE(once == std::vector<double>{0.5, 1, 1, 2});
    }
  }
  REQUIRE(orders.size() > 4);
  REQUIRE(jitter(3, 5, forward) == measured_jitter(profile, model, schedule, 1)(3, 5, forward));
  REQUIRE_FALSE(measured_jitter(lenet_profile(), model, schedule, 1));
}

TEST_CASE("zero and update are looked up by elements, whatever the batch") {
  const CostModel cost = from_profile(lenet_profile(), make_model("lenet5"));
  REQUIRE(time_of(cost, flat(ComputeKind::update, 1000), 7) == 4 * us);
  REQUIRE(time_of(cost, flat(ComputeKind::update, 2000), 0) == Approx(5 * us));
  REQUIRE(time_of(cost, flat(ComputeKind::update, 6000), 7) == Approx(12 * us));
  REQUIRE(time_of(cost, flat(ComputeKind::update, 500), 7) == Approx(2 * us));
  REQUIRE(time_of(cost, flat(ComputeKind::update, 0), 7) == 0);
  REQUIRE(time_of(cost, flat(ComputeKind::zero, 4000), 7) == Approx(4 * us));
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

TEST_CASE("the parts of a layer are looked up by their own shapes, copies and conversions by what they move") {
  Profile profile = lenet_profile();
  profile.entries.push_back(entry("conv1", ComputeKind::forward, 16, 0, 1.25 * ms));
  profile.entries.back().shape = "1x16x28>6x14x28";
  profile.entries.push_back(entry("", ComputeKind::copy, 0, 4000, 3 * us));
  profile.entries.push_back(entry("", ComputeKind::convert, 0, 100, 1 * us));
  profile.entries.back().shape = "f32>bf16";
  profile.entries.push_back(entry("", ComputeKind::convert, 0, 100, 2 * us));
  profile.entries.back().shape = "bf16>f32";
  const CostModel cost = from_profile(profile, make_model("lenet5"));
  REQUIRE(time_of(cost, of_conv1(ComputeKind::forward, image(1, 16, 28), image(6, 14, 28)), 16) == 1.25 * ms);
  REQUIRE(time_of(cost, of_conv1(ComputeKind::forward), 16) == 2 * ms);
  const Compute copy{ComputeKind::copy, -1, {{Role::x, Access::read, {}, {}}, {Role::y, Access::write, {}, {}}}, {0, 1500, 1500}};
  REQUIRE(time_of(cost, copy) == Approx(2.25 * us));
  Program program;
  program.buffers = {{"a", BufferKind::gradients, DType::f32, {1, 50, 1, 1}},
                     {"b", BufferKind::workspace, DType::bf16, {1, 50, 1, 1}}};
  const auto convert = [&](int from, int to) {
    const Compute compute{ComputeKind::convert,
                          -1,
                          {{Role::x, Access::read, {from, {0, 50}}}, {Role::y, Access::write, {to, {0, 50}}}},
                          {50, 1, 1}};
    return cost.compute_s(program, Op{"convert", 0, {}, compute}, compute);
  };
  REQUIRE(convert(0, 1) == Approx(0.5 * us));
  REQUIRE(convert(1, 0) == Approx(1 * us));
}

TEST_CASE("what was not measured is named, with the command that measures it") {
  const CostModel cost = from_profile(lenet_profile(), make_model("lenet5"));
  const std::string message = input_error_of([&] { time_of(cost, of_conv1(ComputeKind::backward_input), 16); });
  REQUIRE(contains(message, "no time for 'the op' (backward_input of conv1, 1x28x28>6x28x28)"));
  REQUIRE(contains(message, "measure it with: convoy profile --model lenet5"));
  const CostModel other = from_profile(lenet_profile(), make_model("lenet5"), "convoy profile --plan spatial");
  const Compute rows = of_conv1(ComputeKind::forward, image(1, 16, 28), image(6, 14, 28));
  REQUIRE(contains(input_error_of([&] { time_of(other, rows, 16); }),
                   "(forward of conv1, 1x16x28>6x14x28); measure it with: convoy profile --plan spatial"));
  REQUIRE(time_of(other, {ComputeKind::join, -1, {}, {}}) == 0);
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
  REQUIRE(
      contains(error_with(entry("conv2", ComputeKind::forward, 0, 0, 1)), "batch 0 and count 0; one of them must be positive"));
  REQUIRE(contains(error_with(entry("", ComputeKind::zero, 0, 0, 1)), "has batch 0 and count 0"));
  REQUIRE(contains(error_with(entry("conv2", ComputeKind::forward, 16, 0, NAN)), "time_s nan"));
  REQUIRE(contains(error_with(entry("conv2", ComputeKind::forward, 16, 0, -1)), "time_s -1"));
  Profile profile = lenet_profile();
  profile.transport = TransportProfile{.name = "threads", .add_s_per_byte = NAN};
  REQUIRE(contains(input_error_of([&] { from_profile(profile, model); }), "add_s_per_byte nan"));
}
