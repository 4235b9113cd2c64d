/// The GPU of this program, when it was built with CUDA.
#pragma once

#include "reference/train/device_backend.h"

namespace convoy {

/// Chooses the first GPU and gives its backend. Throws InputError, one sentence, when this was built without CUDA, or when there
/// is no driver, no device, or its chip is too old.
const DeviceBackend& use_cuda();

}  // namespace convoy
