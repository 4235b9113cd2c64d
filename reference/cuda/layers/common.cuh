/// What the kernels of the layers share: a thread for each element, and a look at sizes.
#pragma once

#ifdef __CUDACC__
#pragma nv_diag_suppress 554  // View<const T> converts to itself, which is meant for View<T>
#endif

#include <span>

#include "reference/core/error.h"
#include "reference/core/tensor.h"
#include "reference/cpu/checks.h"
#include "reference/cpu/types.h"
#include "reference/cuda/kernels.h"
#include "reference/cuda/platform.cuh"
#include "reference/cuda/runtime.h"

namespace convoy::cuda::CONVOY_CUDA_SIDE {

inline constexpr int kElementThreads = 256;

/// Elements of a tensor as an int: kernels count in 32 bits. Throws std::invalid_argument above 2^31 - 1.
inline int count_of_elements(std::int64_t count, const char* op) {
  require(count <= 0x7fffffff, op, count, " elements are more than the GPU's kernels count; use a smaller batch");
  return static_cast<int>(count);
}

/// change(i) for i = 0 to count - 1.
template <class Change>
__global__ void __launch_bounds__(kElementThreads) for_each_kernel(int count, Change change) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < count) change(i);
}
template <class Change>
inline void for_each_element(const char* op, std::int64_t count, Change change) {
  launch(op, dim3{blocks_for(count, kElementThreads), 1, 1}, dim3{kElementThreads, 1, 1}, for_each_kernel<Change>,
         count_of_elements(count, op), change);
}

/// Scratch memory cut into pieces, each on a boundary of 256 bytes. All pieces are asked for before the first is used.
class Pieces {
 public:
  std::int64_t add(std::int64_t bytes) {
    const std::int64_t at = bytes_;
    bytes_ += (bytes + 255) / 256 * 256;
    return at;
  }
  void make() { memory_ = static_cast<char*>(scratch(bytes_)); }
  template <class T>
  [[nodiscard]] T* at(std::int64_t offset) const {
    return reinterpret_cast<T*>(memory_ + offset);
  }

 private:
  std::int64_t bytes_ = 0;
  char* memory_ = nullptr;
};

}  // namespace convoy::cuda::CONVOY_CUDA_SIDE
