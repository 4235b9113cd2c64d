/// The GPU itself: which it is, what it can do, and times read from its events. Nothing of CUDA is needed to include this.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "reference/cuda/usable.h"

namespace convoy::cuda::device {

struct DeviceFacts {
  std::string name;              ///< as the driver says
  int chip = 0;                  ///< compute capability times ten: 90 is Hopper
  std::int64_t memory_bytes = 0;
  int multiprocessors = 0;
  int driver = 0;                ///< 13000 is CUDA 13.0, the newest that the driver knows
  int runtime = 0;               ///< of the CUDA that this was built with
  double stated_flops_per_s = 0;  ///< fp32 at the clock that the driver states, two FLOPs a multiply-add; 0: not known
  double stated_bytes_per_s = 0;  ///< of its memory, by clock and width; 0: not known
};

/// Chooses a GPU for this host thread. Throws DeviceError, one sentence, when there is no driver, it is too old, there is no such
/// device, the chip is too old, or this program holds no kernels for it.
DeviceFacts use_device(int index = 0);

/// Bytes of the chosen GPU's memory that nobody has now.
std::int64_t free_bytes();

/// Seconds of one `work` on the stream, the mean of so many, from events.
double time_s(int repetitions, const std::function<void()>& work);

/// What this GPU does at most, measured.
struct Ceilings {
  double flops_per_s = 0;  ///< fp32 multiply-adds in registers, two FLOPs each
  double bytes_per_s = 0;  ///< read and written when copying 256 MiB
};
Ceilings measure_ceilings(const DeviceFacts& facts);

}  // namespace convoy::cuda::device
