/// DeviceError: what a GPU or its driver refused, in one sentence.
#pragma once

#include <stdexcept>

namespace convoy::cuda {

/// No driver, no device, a chip that is too old, or a kernel that failed. The message says which, with numbers, and what to do. (Memory
/// that ran out is a LimitError.)
class DeviceError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace convoy::cuda
