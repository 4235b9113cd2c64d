/// What can go wrong with a GPU, each by a driver or a device that is pretended: one sentence, which says what to do.
#include "reference/cuda/usable.h"

#include "reference/core/error.h"
#include "reference/train/cuda_backend.h"
#include "reference/train/trainer.h"
#include "tests/catch.h"
#include "tests/train/tiny.h"

using namespace convoy;
using cuda::Answers;
using cuda::Counting;

namespace {

/// A driver with one H100.
Answers usable() {
  Answers answers;
  answers.driver = answers.runtime = 13000;
  answers.count = 1;
  answers.name = "NVIDIA H100";
  answers.major = 9;
  return answers;
}

std::string refusal(const Answers& answers) {
  try {
    cuda::require_usable(answers, false);
    cuda::require_usable(answers, true);
  } catch (const cuda::DeviceError& error) {
    return error.what();
  }
  return "";
}

/// Trains tiny_model() on a device for a step.
void train_a_step(const DeviceBackend& device) {
  const Model model = tiny_model();
  const TrainingData data = tiny_data(model, 9, 5);
  TrainSettings settings{.epochs = 1, .steps_per_epoch = 1, .kernels = Kernels::naive_f32};
  settings.device = &device;
  train(model, make_plan("data", {.ranks = 1, .global_batch = 4}), data, settings, device_transport(device));
}

template <class Error>
std::string said_by(const DeviceBackend& device) {
  try {
    train_a_step(device);
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing, or something else, was thrown";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a GPU that cannot be used is refused in one sentence") {
  REQUIRE(refusal(usable()).empty());
  Answers no_driver = usable();
  no_driver.driver = 0;
  REQUIRE(refusal(no_driver) == "this machine has no NVIDIA driver; install one");
  Answers old_driver = usable();
  old_driver.driver = 12040;
  old_driver.counting = Counting::driver_too_old;
  REQUIRE(refusal(old_driver) ==
          "the NVIDIA driver knows CUDA 12.4, and this program was built with CUDA 13.0; install a newer driver");
  Answers none = usable();
  none.counting = Counting::none_found;
  REQUIRE(refusal(none) == "the NVIDIA driver finds no GPU on this machine");
  none.counting = Counting::counted;
  none.count = 0;
  REQUIRE(refusal(none) == "the NVIDIA driver finds no GPU on this machine");
  Answers failed = usable();
  failed.counting = Counting::failed;
  failed.failure = "system not yet initialized";
  REQUIRE(refusal(failed) == "the NVIDIA driver cannot say which GPUs there are: system not yet initialized");
  Answers third = usable();
  third.index = 2;
  REQUIRE(refusal(third) == "there is no GPU 2: this machine has 1, counted from 0");
  Answers old_chip = usable();
  old_chip.name = "Tesla V100";
  old_chip.major = 7;
  REQUIRE(refusal(old_chip) == "Tesla V100 is a chip of compute capability 7.0, and 7.5 (Turing) or newer is needed");
  Answers other_chip = usable();
  other_chip.has_kernels = false;
  REQUIRE(contains(refusal(other_chip), "configure with -DCONVOY_CUDA_ARCHITECTURES=90a and build again"));
  other_chip.major = 8;
  other_chip.minor = 6;
  REQUIRE(contains(refusal(other_chip), "configure with -DCONVOY_CUDA_ARCHITECTURES=86 and build again"));
}

TEST_CASE("waiting for a place that was never marked is refused") {
  REQUIRE_THROWS_AS(cuda::emulated::wait_for(123'456), std::invalid_argument);
  REQUIRE_THROWS_AS(cuda::emulated::wait_for(-1), std::invalid_argument);
}

TEST_CASE("a step that does not fit is refused before anything is allocated") {
  DeviceBackend device = emulated_device();
  device.describe = [] { return DeviceDescription{.name = "a small GPU", .memory_bytes = 8000, .free_bytes = 4000}; };
  device.memory.allocate = [](std::int64_t, const std::string&, int) -> void* { throw std::logic_error("allocated something"); };
  const std::string said = said_by<LimitError>(device);
  INFO(said);
  REQUIRE(contains(said, "a step of tiny with 4 images needs "));
  REQUIRE(contains(said, "a small GPU has 4 kB of its 8 kB free; use a smaller --batch"));
}

TEST_CASE("memory that runs out in the middle of a step names the op") {
  DeviceBackend device = emulated_device();
  device.kernels.conv2d_backward_weights = [](View<const float>, View<const float>, View<float>, View<float>, const Window&) {
    throw LimitError("the GPU has no room for 12 MB of scratch");
  };
  const std::string said = said_by<LimitError>(device);
  INFO(said);
  REQUIRE(contains(said, "iteration 0, op "));
  REQUIRE(contains(said, "(conv2.backward_weights): the GPU has no room for 12 MB of scratch"));
}

TEST_CASE("a kernel that cannot be started names the op") {
  DeviceBackend device = emulated_device();
  device.kernels.max_pool2d_forward = [](View<const float>, View<float>, const Window&) {
    throw cuda::DeviceError("the GPU failed at max_pool2d_forward: invalid configuration argument");
  };
  const std::string said = said_by<std::runtime_error>(device);
  INFO(said);
  REQUIRE(contains(said, "(pool1.forward): the GPU failed at max_pool2d_forward"));
}

TEST_CASE("a kernel that failed while it ran names the op") {
  static bool has_failed = false;
  has_failed = false;
  DeviceBackend device = emulated_device();
  device.kernels.max_pool2d_backward_input = [](View<const float>, View<const float>, View<float>, const Window&) { has_failed = true; };
  device.streams.reached_s = [](int event) {
    if (has_failed) throw cuda::DeviceError("the GPU failed in a kernel: an illegal memory access was encountered");
    return cuda::emulated::reached_s(event);
  };
  const std::string said = said_by<std::runtime_error>(device);
  INFO(said);
  REQUIRE(contains(said, "(pool1.backward_input): the GPU failed in a kernel: an illegal memory access"));
}
