/// Whole training steps of networks on the emulator: forward, backward and update come to what the CPU comes to, with no access wrong.
#include "reference/cuda/emulator/emulator.h"
#include "reference/model/builder.h"
#include "reference/train/cuda_backend.h"
#include "reference/train/trainer.h"
#include "tests/catch.h"
#include "tests/train/tiny.h"

using namespace convoy;
namespace emulator = convoy::cuda::emulator;

namespace {

/// Two blocks of ResNet on small images: one as it stands, one with stride 2 and a projection beside it, a bottleneck.
Model small_resnet() {
  ModelBuilder net("small-resnet", {1, 3, 8, 8}, 4);
  add_conv_norm(net, {"conv1", "bn1"}, kImages, {4, square_window(3, 1, 1), false});
  const int stem = net.add("relu1", ReLU{});
  add_conv_norm(net, {"a.conv1", "a.bn1"}, stem, {4, square_window(3, 1, 1), false});
  const int inside = net.add("a.relu", ReLU{});
  const int branch = add_conv_norm(net, {"a.conv2", "a.bn2"}, inside, {4, square_window(3, 1, 1), false});
  net.add("a.add", Add{}, {branch, stem});
  const int first = net.add("a.out", ReLU{});
  add_conv_norm(net, {"b.conv1", "b.bn1"}, first, {2, square_window(1), false});
  const int narrow = net.add("b.relu1", ReLU{});
  add_conv_norm(net, {"b.conv2", "b.bn2"}, narrow, {2, square_window(3, 2, 1), false});
  const int strided = net.add("b.relu2", ReLU{});
  const int wide = add_conv_norm(net, {"b.conv3", "b.bn3"}, strided, {8, square_window(1), false});
  const int projection = add_conv_norm(net, {"b.down", "b.down_bn"}, first, {8, square_window(1, 2), false});
  net.add("b.add", Add{}, {wide, projection});
  net.add("b.out", ReLU{});
  net.add("pool", GlobalAvgPool2d{});
  net.add("fc", Linear{4});
  return net.finish();
}

/// Two blocks of VGG on small images, with its linear part.
Model small_vgg() {
  ModelBuilder net("small-vgg", {1, 3, 8, 8}, 4);
  for (const char* block : {"1", "2"}) {
    for (const char* conv : {"a", "b"}) {
      net.add(std::string("conv") + block + conv, Conv2d{6, square_window(3, 1, 1)});
      net.add(std::string("relu") + block + conv, ReLU{});
    }
    net.add(std::string("pool") + block, MaxPool2d{square_window(2, 2)});
  }
  net.add("flatten", Flatten{});
  net.add("fc1", Linear{12});
  net.add("relu3", ReLU{});
  net.add("drop", Dropout{0.5});
  net.add("fc2", Linear{4});
  return net.finish();
}

void check_steps(const Model& model, int batch, int steps) {
  INFO(model.name);
  const TrainingData data = tiny_data(model, std::int64_t{batch} * steps, batch);
  const Plan plan = make_plan("data", {.ranks = 1, .global_batch = batch});
  TrainSettings settings{.epochs = 1, .kernels = Kernels::naive_f32};
  settings.sgd = {.learning_rate = 0.05, .momentum = 0.9, .weight_decay = 1e-3};
  const TrainResult on_cpu = train(model, plan, data, settings);
  const DeviceBackend device = emulated_device();
  settings.device = &device;
  emulator::report();
  const TrainResult on_device = train(model, plan, data, settings, device_transport(device));
  const emulator::Report report = emulator::report();
  INFO(emulator::to_text(report.problems));
  REQUIRE(report.clean());
  REQUIRE(std::abs(on_device.epochs.at(0).train_loss - on_cpu.epochs.at(0).train_loss) <= 1e-5);
  REQUIRE(largest_difference(on_device.values.weights, on_cpu.values.weights) <= 1e-5);
  REQUIRE(largest_difference(on_device.values.states, on_cpu.values.states) <= 1e-5);
  REQUIRE(largest_difference(on_device.values.weights, initial_values(model, settings.seed).weights) > 1e-3);  // something was learnt
}

}  // namespace

TEST_CASE("LeNet-5 takes two steps on the emulator as on the CPU") { check_steps(make_model("lenet5"), 2, 2); }
TEST_CASE("blocks of ResNet take two steps on the emulator as on the CPU") { check_steps(small_resnet(), 3, 2); }
TEST_CASE("blocks of VGG take two steps on the emulator as on the CPU") { check_steps(small_vgg(), 3, 2); }
