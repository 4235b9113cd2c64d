/// DeviceError: what a GPU or its driver refused, in one sentence.
#pragma once

#include <stdexcept>

namespace convoy::cuda {

/// No driver, no device, a chip that is too old, memory that ran out, or a kernel that failed. The message says which, with numbers,
/// and what to do. Programs end with 1.
class DeviceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace convoy::cuda
