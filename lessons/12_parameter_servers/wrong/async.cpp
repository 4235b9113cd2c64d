// expect: This is an asynchronous server
#include <algorithm>

#include "exercise.h"

namespace convoy::lesson {

/// Nobody ever waits.
std::vector<int> who_goes_on(const std::vector<int>& pushed, const std::vector<int>& waiting, int bound) {
  static_cast<void>(pushed), static_cast<void>(bound);
  std::vector<int> go_on;
  for (const int worker : waiting)
    if (worker >= 0) go_on.push_back(worker);
  return go_on;
}

}  // namespace convoy::lesson
