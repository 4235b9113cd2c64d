/// What an accelerator costs besides its kernels: starting them, copies, and what it does at most.
#pragma once

#include "reference/io/profile.h"
#include "reference/train/device_backend.h"

namespace convoy {

/// Launches and copies are timed by the device's own marks; the medians of several tries. Copies move 64 MiB, in a second or so in all.
DeviceProfile measure_device(const DeviceBackend& device);

}  // namespace convoy
