#include "reference/apps/cuda.h"

#include "reference/core/error.h"

#ifdef CONVOY_WITH_CUDA
#include "reference/cuda/device/device.h"
#include "reference/train/cuda_backend.h"
#endif

namespace convoy {

const DeviceBackend& use_cuda() {
#ifdef CONVOY_WITH_CUDA
  static const DeviceBackend kBackend = cuda_device();
  try {
    cuda::device::use_device();
  } catch (const cuda::DeviceError& error) {
    throw InputError(cat("--backend cuda: ", error.what(), "; leave --backend out to train on the CPU"));
  }
  return kBackend;
#else
  throw InputError(
      "--backend cuda: this convoy-train was built without CUDA; install NVIDIA's cuda-toolkit, so that nvcc is in PATH, "
      "configure with "
      "-DCONVOY_WITH_CUDA=ON and build again, or leave --backend out");
#endif
}

}  // namespace convoy
