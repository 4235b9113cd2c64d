/// The executor for a device, with the CUDA kernels on the emulator: training comes to the weights that the CPU comes to.
#include <set>

#include "reference/cuda/emulator/emulator.h"
#include "reference/model/builder.h"
#include "reference/train/cuda_backend.h"
#include "reference/train/trainer.h"
#include "tests/catch.h"
#include "tests/train/tiny.h"

using namespace convoy;
namespace emulator = convoy::cuda::emulator;

namespace {

/// What ResNet has and tiny_model() has not: batch normalisation and a sum.
Model residual_model() {
  ModelBuilder net("residual", {1, 2, 6, 7}, 4);
  net.add("conv1", Conv2d{4, square_window(3, 1, 1), false});
  net.add("bn1", BatchNorm2d{});
  const int skip = net.add("relu1", ReLU{});
  net.add("conv2", Conv2d{4, square_window(3, 1, 1), false});
  const int branch = net.add("bn2", BatchNorm2d{});
  net.add("add", Add{}, {skip, branch});
  net.add("relu2", ReLU{});
  net.add("pool", GlobalAvgPool2d{});
  net.add("fc", Linear{4});
  return net.finish();
}

void check_training(const Model& model) {
  const TrainingData data = tiny_data(model, 9, 5);  // batches of 4, 4 and 1
  const Plan plan = make_plan("data", {.ranks = 1, .global_batch = 4});
  TrainSettings settings{.epochs = 2, .kernels = Kernels::naive_f32};
  settings.sgd = {.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 1e-3};
  const TrainResult on_cpu = train(model, plan, data, settings);
  const DeviceBackend device = emulated_device();
  settings.device = &device;
  emulator::report();
  const TrainResult on_device = train(model, plan, data, settings, device_transport(device));
  const emulator::Report report = emulator::report();
  INFO(emulator::to_text(report.problems));
  REQUIRE(report.clean());
  REQUIRE(on_device.epochs.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(std::abs(on_device.epochs[i].train_loss - on_cpu.epochs[i].train_loss) <= 1e-5);
    REQUIRE(std::abs(on_device.epochs[i].test_loss - on_cpu.epochs[i].test_loss) <= 1e-5);
  }
  REQUIRE(largest_difference(on_device.values.weights, on_cpu.values.weights) <= 1e-5);
  REQUIRE(largest_difference(on_device.values.states, on_cpu.values.states) <= 1e-5);
  // Ops do not overlap: the device has one stream.
  REQUIRE(!on_device.timeline.intervals.empty());
  for (std::size_t i = 1; i < on_device.timeline.intervals.size(); ++i)
    REQUIRE(on_device.timeline.intervals[i].start_s >= on_device.timeline.intervals[i - 1].end_s);
}

}  // namespace

TEST_CASE("a device trains to the weights that the CPU trains to") {
  check_training(tiny_model());
  check_training(residual_model());
}

TEST_CASE("the host waits behind every op the first time that a schedule runs, and not again") {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 9, 5);  // steps of 4, 4 and 1, an evaluation of 4 and 1 after each
  const Plan plan = make_plan("data", {.ranks = 1, .global_batch = 4});
  TrainSettings settings{.epochs = 2, .evaluate_every = 1};
  DeviceBackend device = emulated_device();
  int asked = -1, waited = 0;
  device.streams.mark = [&asked, mark = device.streams.mark](int event) { mark(asked = event); };
  device.streams.reached_s = [&, reached_s = device.streams.reached_s](int event) {
    if (event == asked) ++waited;  // for what it asked for last
    if (event == asked) asked = -1;
    return reached_s(event);
  };
  settings.device = &device;
  Transport transport = device_transport(device);
  std::set<std::pair<int, std::size_t>> known;  // schedules, by images and ops
  int runs = 0;
  transport.run = [&, run = transport.run](const Schedule& schedule, int iterations, std::vector<RankMemory>& memories,
                                           const ComputeFn& compute, const RunOptions& options) {
    const std::size_t ops = schedule.program(0).ops.size();
    waited = 0;
    Timeline timeline = run(schedule, iterations, memories, compute, options);
    ++runs;
    // At the end of a step it waits for the last op in any case.
    const bool first = known.emplace(schedule.global_batch, ops).second;
    CHECK(waited == iterations + (first ? static_cast<int>(ops) - 1 : 0));
    return timeline;
  };
  train(model, plan, data, settings, transport);
  REQUIRE(known.size() == 4);
  REQUIRE(runs == 2 * 9);
}

TEST_CASE("a device is one rank, and an op that fails is named") {
  const Model model = tiny_model();
  const DeviceBackend device = emulated_device();
  const auto schedule_of = [&](int ranks) {
    return make_schedule(model, make_plan("data", {.ranks = ranks, .global_batch = 4}), Mode::train);
  };
  RankMemory memory(&device.memory);
  const ComputeFn fails = [](const ComputeCall&) { throw std::runtime_error("broken"); };
  REQUIRE_THROWS_AS(run_on_device(schedule_of(2), 1, memory, fails, {}, device.streams), std::invalid_argument);
  try {
    run_on_device(schedule_of(1), 1, memory, fails, {}, device.streams);
    REQUIRE(false);
  } catch (const std::runtime_error& error) {
    const std::string says = error.what();
    REQUIRE(says.find("iteration 0, op 0 (") != std::string::npos);
    REQUIRE(says.find("broken") != std::string::npos);
  }
}
