#include "reference/cuda/ladder/problem.h"
#include "reference/cuda/runtime.h"

namespace convoy::cuda {
namespace device {
std::span<const ladder::Rung> rungs_of(std::string_view op);
}  // namespace device

namespace ladder {

const Backend* device_backend() {
  static constexpr Backend kBackend{"GPU", device::allocate, device::release, device::upload, device::download, device::rungs_of};
  return &kBackend;
}

}  // namespace ladder
}  // namespace convoy::cuda
