// expect: those that wait from before
#include <algorithm>

#include "exercise.h"

namespace convoy::lesson {

/// Asks about the worker that has just pushed, and never again about the others.
std::vector<int> who_goes_on(const std::vector<int>& pushed, const std::vector<int>& waiting, int bound) {
  const int slowest = *std::min_element(pushed.begin(), pushed.end());
  std::vector<int> go_on;
  for (const int worker : {waiting.back()})
    if (pushed[static_cast<std::size_t>(worker)] - slowest <= bound) go_on.push_back(worker);
  return go_on;
}

}  // namespace convoy::lesson
