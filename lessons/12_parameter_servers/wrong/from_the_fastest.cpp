// expect: behind the fastest
#include <algorithm>

#include "exercise.h"

namespace convoy::lesson {

/// Looks at the fastest.
std::vector<int> who_goes_on(const std::vector<int>& pushed, const std::vector<int>& waiting, int bound) {
  const int fastest = *std::max_element(pushed.begin(), pushed.end());
  std::vector<int> go_on;
  for (const int worker : waiting)
    if (fastest - pushed[static_cast<std::size_t>(worker)] <= bound) go_on.push_back(worker);
  return go_on;
}

}  // namespace convoy::lesson
