/// The kernels of reference/cuda as backends: for a GPU, and for the emulator. Who names a side links it.
#pragma once

#include "reference/cuda/device/device.h"
#include "reference/cuda/emulator/emulator.h"
#include "reference/cuda/runtime.h"
#include "reference/train/cuda_kernels.h"
#include "reference/train/device_backend.h"

namespace convoy {

/// The emulator. It has as much memory as one asks for, and no speed worth stating.
inline DeviceBackend emulated_device() {
  namespace side = cuda::emulated;
  constexpr std::int64_t kMemory_bytes = std::int64_t{1} << 40;
  return {.name = "emulator",
          .kernels = emulated_kernels(),
          .memory = {side::allocate_shared, side::release},
          .streams = {side::use_stream, side::mark, side::wait_for, side::reached_s},
          .upload = side::upload,
          .download = side::download,
          .fill = side::fill,
          .synchronise = side::synchronise,
          .nothing = side::nothing,
          .own = {side::allocate, side::release},
          .pinned = {side::allocate_pinned, side::release_pinned},
          .describe = [] {
            return DeviceDescription{.name = "emulator",
                                     .memory_bytes = kMemory_bytes,
                                     .free_bytes = kMemory_bytes - cuda::emulator::allocated_bytes()};
          },
          .ceilings = [] { return DeviceCeilings{}; }};
}

/// The GPU that use_device() chose, of which these are the facts.
inline DeviceBackend cuda_device(const cuda::device::DeviceFacts& facts) {
  namespace side = cuda::device;
  return {.name = "cuda",
          .kernels = device_kernels(),
          .memory = {side::allocate_shared, side::release},
          .streams = {side::use_stream, side::mark, side::wait_for, side::reached_s},
          .upload = side::upload,
          .download = side::download,
          .fill = side::fill,
          .synchronise = side::synchronise,
          .nothing = side::nothing,
          .own = {side::allocate, side::release},
          .pinned = {side::allocate_pinned, side::release_pinned},
          .describe = [facts] {
            return DeviceDescription{.name = facts.name,
                                     .chip = facts.chip,
                                     .memory_bytes = facts.memory_bytes,
                                     .free_bytes = side::free_bytes(),
                                     .stated_flops_per_s = facts.stated_flops_per_s,
                                     .stated_bytes_per_s = facts.stated_bytes_per_s};
          },
          .ceilings = [facts] {
            const side::Ceilings measured = side::measure_ceilings(facts);
            return DeviceCeilings{measured.flops_per_s, measured.bytes_per_s};
          }};
}

}  // namespace convoy
