/// The kernels of reference/cuda as backends: for a GPU, and for the emulator. Who names a side links it.
#pragma once

#include "reference/cuda/runtime.h"
#include "reference/train/cuda_kernels.h"
#include "reference/train/device_backend.h"

namespace convoy {

inline DeviceBackend emulated_device() {
  namespace side = cuda::emulated;
  return {"emulator", emulated_kernels(), {side::allocate_shared, side::release}, {side::mark, side::reached_s}, side::upload,
          side::fill, side::synchronise};
}
inline DeviceBackend cuda_device() {
  namespace side = cuda::device;
  return {"cuda",     device_kernels(), {side::allocate_shared, side::release}, {side::mark, side::reached_s}, side::upload,
          side::fill, side::synchronise};
}

}  // namespace convoy
