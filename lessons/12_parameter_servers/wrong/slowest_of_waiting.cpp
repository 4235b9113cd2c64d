// expect: may be still computing
#include <algorithm>

#include "exercise.h"

namespace convoy::lesson {

/// Takes the slowest of those that wait for the slowest of all.
std::vector<int> who_goes_on(const std::vector<int>& pushed, const std::vector<int>& waiting, int bound) {
  int slowest = pushed[static_cast<std::size_t>(waiting.front())];
  for (const int worker : waiting) slowest = std::min(slowest, pushed[static_cast<std::size_t>(worker)]);
  std::vector<int> go_on;
  for (const int worker : waiting)
    if (pushed[static_cast<std::size_t>(worker)] - slowest <= bound) go_on.push_back(worker);
  return go_on;
}

}  // namespace convoy::lesson
