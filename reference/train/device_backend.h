/// DeviceBackend: an accelerator as training sees it. Injected, so that training knows no CUDA.
#pragma once

#include <string_view>

#include "reference/exec/device.h"
#include "reference/train/kernel_table.h"
#include "reference/train/transport.h"

namespace convoy {

struct DeviceBackend {
  std::string_view name;       ///< "cuda", "emulator"
  KernelTable<float> kernels;  ///< on its memory
  MemorySource memory;         ///< that the host can read and write while no kernel runs
  DeviceClock clock;
  void (*upload)(void* to, const void* from, std::int64_t bytes) = nullptr;
  void (*fill)(void* at, int byte, std::int64_t bytes) = nullptr;
  void (*synchronise)() = nullptr;
};

/// One rank: the device, which must outlive it.
Transport device_transport(const DeviceBackend& device);

}  // namespace convoy
