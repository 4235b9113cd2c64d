// expect: a synchronous server
#include <algorithm>

#include "exercise.h"

namespace convoy::lesson {

/// Waits until all have pushed as often.
std::vector<int> who_goes_on(const std::vector<int>& pushed, const std::vector<int>& waiting, int bound) {
  const int slowest = *std::min_element(pushed.begin(), pushed.end());
  static_cast<void>(bound);
  std::vector<int> go_on;
  for (const int worker : waiting)
    if (pushed[static_cast<std::size_t>(worker)] == slowest) go_on.push_back(worker);
  return go_on;
}

}  // namespace convoy::lesson
