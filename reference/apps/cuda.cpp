#include "reference/apps/cuda.h"

#include "reference/core/error.h"

#ifdef CONVOY_WITH_CUDA
#include "reference/cuda/device/device.h"
#include "reference/train/cuda_backend.h"
#endif

namespace convoy {

const DeviceBackend& use_cuda() {
#ifdef CONVOY_WITH_CUDA
  try {
    static const DeviceBackend kBackend = cuda_device(cuda::device::use_device());
    return kBackend;
  } catch (const cuda::DeviceError& error) {
    throw InputError(cat("--backend cuda: ", error.what(), "; leave --backend out to use the CPU"));
  }
#else
  throw InputError(
      "--backend cuda: this convoy-train was built without CUDA; install NVIDIA's cuda-toolkit, so that nvcc is in PATH, "
      "configure with "
      "-DCONVOY_WITH_CUDA=ON and build again, or leave --backend out");
#endif
}

void add_backend_option(Verb& verb, std::string& backend) {
  verb.begin_group(kRanksHeading);
  verb.add_option("--backend", backend, "What computes: cpu, or cuda for the first NVIDIA GPU, which is one rank")
      ->capture_default_str();
}

bool is_cuda(const std::string& backend) {
  if (backend != "cuda" && backend != "cpu") throw_unknown_word("backend", backend, {"cpu", "cuda"});
  return backend == "cuda";
}

void prepare_cuda(const PlanWords& plan, TransportOptions& ranks) {
  if (ranks.ranks.value_or(1) != 1 || ranks.transport != "threads")
    throw InputError("--backend cuda runs on one GPU, which is one rank; leave --ranks and --transport out");
  if (plan.from_file()) throw InputError("--backend cuda takes a named plan, not one from a file");
  for (const char* option : {"--fusion", "--layout"})
    if (plan.typed(option))
      throw InputError(
          cat(option, " changes nothing with --backend cuda, whose kernels take layers as they are, in nchw; leave it out"));
  ranks.ranks = 1;
  use_cuda();
}

}  // namespace convoy
