#include "reference/cuda/ladder/problem.h"
#include "reference/cuda/runtime.h"

namespace convoy::cuda {
namespace emulated {
std::span<const ladder::Rung> rungs_of(std::string_view op);
}  // namespace emulated

namespace ladder {

const Backend& emulated_backend() {
  static constexpr Backend kBackend{"emulator", emulated::allocate, emulated::release, emulated::upload, emulated::download, emulated::rungs_of};
  return kBackend;
}

}  // namespace ladder
}  // namespace convoy::cuda
