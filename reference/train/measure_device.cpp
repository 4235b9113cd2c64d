#include "reference/train/measure_device.h"

#include <vector>

#include "reference/train/statistics.h"

namespace convoy {
namespace {

constexpr int kTries = 9;
constexpr int kLaunches = 1000;
constexpr std::int64_t kCopied_bytes = std::int64_t{64} << 20;

/// Memory of a source, given back at the end.
struct Block {
  const MemorySource& source;
  void* memory;
  Block(const MemorySource& from, const char* name) : source(from), memory(from.allocate(kCopied_bytes, name, 4)) {}
  ~Block() { source.release(memory); }
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;
};

/// Seconds of `work` on the device: the median of several tries after one that does not count.
template <class Work>
double time_s(const DeviceBackend& device, const Work& work) {
  work();
  device.synchronise();
  std::vector<double> times_s;
  for (int i = 0; i < kTries; ++i) {
    device.streams.mark(0);
    work();
    device.streams.mark(1);
    times_s.push_back(device.streams.reached_s(1));
  }
  return median(times_s);
}

}  // namespace

DeviceProfile measure_device(const DeviceBackend& device) {
  const DeviceDescription facts = device.describe();
  DeviceProfile result{.name = facts.name, .chip = facts.chip, .memory_bytes = facts.memory_bytes};
  result.launch_s = time_s(device, [&] {
                      for (int i = 0; i < kLaunches; ++i) device.nothing();
                    }) /
                    kLaunches;
  {
    const Block there(device.own, "copies that are measured"), pinned(device.pinned, "copies that are measured");
    std::vector<std::byte> heap(static_cast<std::size_t>(kCopied_bytes));
    device.fill(there.memory, 0, kCopied_bytes);
    device.download(pinned.memory, there.memory, kCopied_bytes);  // so that both have been touched
    const auto rate = [&](const auto& copy) { return static_cast<double>(kCopied_bytes) / time_s(device, copy); };
    result.upload_bytes_per_s = rate([&] { device.upload(there.memory, heap.data(), kCopied_bytes); });
    result.pinned_upload_bytes_per_s = rate([&] { device.upload(there.memory, pinned.memory, kCopied_bytes); });
    result.pinned_download_bytes_per_s = rate([&] { device.download(pinned.memory, there.memory, kCopied_bytes); });
  }
  const DeviceCeilings ceilings = device.ceilings();
  result.flops_per_s = ceilings.flops_per_s;
  result.bytes_per_s = ceilings.bytes_per_s;
  result.stated_flops_per_s = facts.stated_flops_per_s;
  result.stated_bytes_per_s = facts.stated_bytes_per_s;
  return result;
}

}  // namespace convoy
