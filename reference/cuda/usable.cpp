#include "reference/cuda/usable.h"

#include "reference/core/error.h"

namespace convoy::cuda {
namespace {

/// 13000 -> "13.0".
std::string version(int number) { return cat(number / 1000, ".", number % 1000 / 10); }

}  // namespace

void require_usable(const Answers& a, bool with_chip) {
  if (a.driver == 0) throw DeviceError("this machine has no NVIDIA driver; install one");
  if (a.counting == Counting::driver_too_old)
    throw DeviceError(cat("the NVIDIA driver knows CUDA ", version(a.driver), ", and this program was built with CUDA ", version(a.runtime),
                          "; install a newer driver"));
  if (a.counting == Counting::none_found || (a.counting == Counting::counted && a.count == 0))
    throw DeviceError("the NVIDIA driver finds no GPU on this machine");
  if (a.counting == Counting::failed) throw DeviceError(cat("the NVIDIA driver cannot say which GPUs there are: ", a.failure));
  if (a.index < 0 || a.index >= a.count)
    throw DeviceError(cat("there is no GPU ", a.index, ": this machine has ", a.count, ", counted from 0"));
  if (!with_chip) return;
  if (a.major * 10 + a.minor < kOldestChip)
    throw DeviceError(cat(a.name, " is a chip of compute capability ", a.major, ".", a.minor, ", and ", kOldestChip / 10, ".",
                          kOldestChip % 10, " (Turing) or newer is needed"));
  if (!a.has_kernels)
    throw DeviceError(cat("this program holds no kernels for ", a.name, ", a chip of compute capability ", a.major, ".", a.minor,
                          "; configure with -DCONVOY_CUDA_ARCHITECTURES=", a.major, a.minor, a.major == 9 ? "a" : "", " and build again"));
}

}  // namespace convoy::cuda
