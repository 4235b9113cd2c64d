// expect: needed_bytes says 0 so far
#include "exercise.h"

namespace convoy::lesson {

std::int64_t needed_bytes(const Training& training, const Setting& setting) {
  std::int64_t bytes = 0;
  // Your lines come here. What is there four times: weights, gradients, momentum and activations. Which of them does `setting`
  // divide?
  static_cast<void>(training), static_cast<void>(setting);
  return bytes;
}

int choose(const Training& training, const std::vector<Setting>& settings, std::int64_t device_bytes) {
  // And here.
  static_cast<void>(training), static_cast<void>(settings), static_cast<void>(device_bytes);
  return -1;
}

}  // namespace convoy::lesson
