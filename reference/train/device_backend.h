/// DeviceBackend: an accelerator as training sees it. Injected, so that training knows no CUDA.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "reference/exec/device.h"
#include "reference/train/kernel_table.h"
#include "reference/train/transport.h"

namespace convoy {

/// A device in numbers. Those that are not known are 0.
struct DeviceDescription {
  std::string name;                ///< as its driver says
  int chip = 0;                    ///< NVIDIA's compute capability times ten; 0: no GPU
  std::int64_t memory_bytes = 0;   ///< of it
  std::int64_t free_bytes = 0;     ///< of those, now
  double stated_flops_per_s = 0;   ///< fp32 by clock and units, as data sheets work it out
  double stated_bytes_per_s = 0;   ///< of its memory, by clock and width
};

/// What a device does at most, measured.
struct DeviceCeilings {
  double flops_per_s = 0;  ///< fp32 multiply-adds in registers, two FLOPs each
  double bytes_per_s = 0;  ///< read and written when copying in its memory
};

struct DeviceBackend {
  std::string_view name;       ///< "cuda", "emulator"
  KernelTable<float> kernels;  ///< on its memory
  MemorySource memory;         ///< that the host can read and write while no kernel runs
  DeviceStreams streams;
  /// Copies in the order of the stream. An upload from memory that is not pinned has read it when it returns; a download is over.
  void (*upload)(void* to, const void* from, std::int64_t bytes) = nullptr;
  void (*download)(void* to, const void* from, std::int64_t bytes) = nullptr;
  void (*fill)(void* at, int byte, std::int64_t bytes) = nullptr;
  void (*synchronise)() = nullptr;
  void (*nothing)() = nullptr;  ///< asks for a kernel that does nothing
  MemorySource own;             ///< memory for kernels and copies alone
  MemorySource pinned;          ///< of the host, which copies need no help to read and write
  std::function<DeviceDescription()> describe;
  std::function<DeviceCeilings()> ceilings;
};

/// Throws LimitError when a step of this schedule of one rank needs more memory than the device has free, with both numbers and what
/// most of it is for.
void require_room(const DeviceBackend& device, const Schedule& schedule);

/// One rank: the device, which must outlive it.
Transport device_transport(const DeviceBackend& device);

}  // namespace convoy
