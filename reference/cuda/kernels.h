/// Kernels of the layers in reference/model/layer.h for a GPU (`device`) and for the emulator (`emulated`): float, forward, backward
/// and update. They must equal reference/cpu/naive within rounding, and give the same bits every time.
#pragma once

#include <span>

#include "reference/core/tensor.h"
#include "reference/cpu/types.h"
#include "reference/model/layer.h"

namespace convoy::cuda::device {
#include "reference/cuda/kernels.inl"
}  // namespace convoy::cuda::device

namespace convoy::cuda::emulated {
#include "reference/cuda/kernels.inl"
}  // namespace convoy::cuda::emulated
