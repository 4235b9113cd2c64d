// expect: fastest says that none fits
#include "exercise.h"

namespace convoy::lesson {

int fastest(const std::vector<Candidate>& candidates, std::int64_t device_bytes, const std::function<double(int)>& simulate_s) {
  int best = -1;
  // Your lines come here. In which order do you simulate, and when can you stop?
  static_cast<void>(candidates), static_cast<void>(device_bytes), static_cast<void>(simulate_s);
  return best;
}

}  // namespace convoy::lesson
