/// The two sides that kernels run on: a GPU (`device`, where CUDA was found when building) and the emulator (`emulated`).
#pragma once

#include <cstdint>
#include <string>

#include "reference/cuda/error.h"

namespace convoy::cuda::device {
#include "reference/cuda/runtime.inl"
}  // namespace convoy::cuda::device

namespace convoy::cuda::emulated {
#include "reference/cuda/runtime.inl"
}  // namespace convoy::cuda::emulated
