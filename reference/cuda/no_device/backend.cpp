// What a build without CUDA has in place of device/: answers that say how to get it.
#include "reference/cuda/device/device.h"
#include "reference/cuda/ladder/problem.h"

namespace convoy::cuda {
namespace {

[[noreturn]] void refuse() {
  throw DeviceError(
      "this was built without CUDA; install NVIDIA's cuda-toolkit, so that nvcc is in PATH, configure with -DCONVOY_WITH_CUDA=ON and "
      "build again");
}

}  // namespace

namespace device {

DeviceFacts use_device(int) { refuse(); }
std::int64_t free_bytes() { refuse(); }
double time_s(int, const std::function<void()>&) { refuse(); }
Ceilings measure_ceilings(const DeviceFacts&) { refuse(); }

}  // namespace device

namespace ladder {

const Backend* device_backend() { return nullptr; }

}  // namespace ladder
}  // namespace convoy::cuda
