// expect: typical_error says 0 so far
#include "exercise.h"

namespace convoy::lesson {

double typical_error(const std::vector<Case>& cases) {
  static_cast<void>(cases);
  return 0;  // Your lines come here.
}

double error_after_fitting(const std::vector<Case>& cases) {
  static_cast<void>(cases);
  return 0;
}

}  // namespace convoy::lesson
