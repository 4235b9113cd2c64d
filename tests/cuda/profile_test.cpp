/// convoy profile on a device: the emulator computes, and a clock that is pretended says how long that took.
#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "reference/core/error.h"
#include "reference/train/cuda_backend.h"
#include "reference/train/measure_device.h"
#include "reference/train/profiler.h"
#include "tests/catch.h"
#include "tests/data/temporary_folder.h"
#include "tests/train/tiny.h"

using namespace convoy;

namespace {

constexpr double kLaunch_s = 5e-6;
constexpr double kUpload = 4e9, kPinnedUpload = 20e9, kPinnedDownload = 25e9;  // bytes/s

/// The pretended clock, which goes on by what is asked for and by a tick at every mark.
struct Clock {
  double now_s = 0, tick_s = 0;
  std::map<int, double> marks;
  const void* pinned = nullptr;
};
Clock clock_of_device;

void go_on(std::int64_t bytes, double bytes_per_s) { clock_of_device.now_s += static_cast<double>(bytes) / bytes_per_s; }

/// The emulator with that clock, and with what a large GPU says about itself.
DeviceBackend pretended_gpu(double tick_s) {
  clock_of_device = {.now_s = 100, .tick_s = tick_s, .marks = {}};
  DeviceBackend device = emulated_device();
  device.streams.mark = [](int event) { clock_of_device.marks[event] = clock_of_device.now_s += clock_of_device.tick_s; };
  device.streams.reached_s = [](int event) { return clock_of_device.marks.at(event) - clock_of_device.marks.at(0); };
  device.nothing = [] { clock_of_device.now_s += kLaunch_s; };
  device.pinned.allocate = [](std::int64_t bytes, const std::string& name, int element_bytes) {
    void* memory = cuda::emulated::allocate_pinned(bytes, name, element_bytes);
    clock_of_device.pinned = memory;
    return memory;
  };
  device.upload = [](void* to, const void* from, std::int64_t bytes) {
    cuda::emulated::upload(to, from, bytes);
    go_on(bytes, from == clock_of_device.pinned ? kPinnedUpload : kUpload);
  };
  device.download = [](void* to, const void* from, std::int64_t bytes) {
    cuda::emulated::download(to, from, bytes);
    go_on(bytes, kPinnedDownload);
  };
  device.describe = [] {
    return DeviceDescription{.name = "pretended GPU",
                             .chip = 90,
                             .memory_bytes = 80'000'000'000,
                             .free_bytes = 79'000'000'000,
                             .stated_flops_per_s = 67e12,
                             .stated_bytes_per_s = 3.35e12};
  };
  device.ceilings = [] { return DeviceCeilings{.flops_per_s = 60e12, .bytes_per_s = 3e12}; };
  return device;
}

bool near(double got, double wanted) { return std::abs(got - wanted) <= 1e-9 * wanted; }

Profile profile_on(const DeviceBackend& device, const Model& model, std::vector<int> batches) {
  const ProfileSettings settings{.batches = std::move(batches), .warmup = 0, .steps = 2, .device = &device};
  return profile(model, make_plan("data", {.ranks = 1, .global_batch = 1}), settings, device_transport(device));
}

/// The entry of an op of a node with so many images.
const ProfileEntry& entry_of(const Profile& profile, const std::string& node, ComputeKind kind, int batch) {
  for (const ProfileEntry& entry : profile.entries)
    if (entry.node == node && entry.kind == kind && entry.batch == batch) return entry;
  throw std::runtime_error(cat("no entry of ", node, " with ", batch, " images"));
}

}  // namespace

TEST_CASE("launches and copies of a device are measured by its clock") {
  const DeviceProfile measured = measure_device(pretended_gpu(0));
  REQUIRE(measured.name == "pretended GPU");
  REQUIRE(measured.chip == 90);
  REQUIRE(near(measured.launch_s, kLaunch_s));
  REQUIRE(near(measured.upload_bytes_per_s, kUpload));
  REQUIRE(near(measured.pinned_upload_bytes_per_s, kPinnedUpload));
  REQUIRE(near(measured.pinned_download_bytes_per_s, kPinnedDownload));
  REQUIRE(measured.flops_per_s == 60e12);
  REQUIRE(measured.bytes_per_s == 3e12);
  REQUIRE(measured.stated_flops_per_s == 67e12);
  REQUIRE(measured.stated_bytes_per_s == 3.35e12);
}

TEST_CASE("a profile on a device has its ops for every batch, and its peaks") {
  const DeviceBackend device = pretended_gpu(1e-3);
  const Model model = tiny_model();
  const Profile measured = profile_on(device, model, {1, 3});
  REQUIRE(measured.machine == "pretended GPU");
  REQUIRE(measured.memory_bytes == 80'000'000'000);
  REQUIRE(measured.peak_flops_per_s == 60e12);
  REQUIRE(measured.memory_bandwidth_bytes_per_s == 3e12);
  REQUIRE(measured.device.has_value());
  for (const int batch : {1, 3}) {
    REQUIRE(near(entry_of(measured, "conv1", ComputeKind::forward, batch).time_s, 1e-3));
    REQUIRE(near(entry_of(measured, "conv2", ComputeKind::backward_weights, batch).time_s, 1e-3));
    REQUIRE(entry_of(measured, "fc2", ComputeKind::backward_input, batch).samples == 2);
    const double image_bytes = 4.0 * static_cast<double>(model.image.sample_count());
    REQUIRE(std::abs(entry_of(measured, "", ComputeKind::load, batch).time_s - (1e-3 + batch * image_bytes / kUpload)) <= 1e-12);
  }
  const Profile read = parse_profile(to_json(measured), "written");
  REQUIRE(read.device.has_value());
  REQUIRE(read.device->launch_s == measured.device->launch_s);
  REQUIRE(read.device->pinned_download_bytes_per_s == measured.device->pinned_download_bytes_per_s);
  REQUIRE(read.device->stated_bytes_per_s == measured.device->stated_bytes_per_s);
  REQUIRE(read.entries.size() == measured.entries.size());
  REQUIRE(to_json(read) == to_json(measured));
}

TEST_CASE("convoy simulate reads a profile of a device and predicts the step that was measured") {
  const DeviceBackend device = pretended_gpu(1e-3);
  const Model model = make_model("lenet5");
  const TemporaryFolder folder;
  const std::string file = folder.file("profile.json"), out = folder.file("simulated.json");
  std::ofstream(file) << to_json(profile_on(device, model, {1}));
  const std::string command = cat(CONVOY_BIN_DIR "/convoy simulate --model lenet5 --ranks 1 --batch 1 --cluster dgx-h100 --profile ", file,
                                  " --json ", out, " > ", folder.file("said"), " 2>&1");
  REQUIRE(std::system(command.c_str()) == 0);
  std::stringstream text;
  text << std::ifstream(out).rdbuf();
  const auto json = nlohmann::json::parse(text.str());
  std::int64_t ops = 0;
  for (const Op& op : make_schedule(model, make_plan("data", {.ranks = 1, .global_batch = 1})).program(0).ops)
    if (const auto* work = std::get_if<Compute>(&op.action)) ops += work->kind == ComputeKind::join ? 0 : 1;
  const double upload_s = 4.0 * static_cast<double>(model.image.sample_count()) / kUpload;
  REQUIRE(std::abs(json.at("step_time_s").get<double>() - (static_cast<double>(ops) * 1e-3 + upload_s)) <= 1e-5);
}
