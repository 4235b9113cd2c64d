// expect: takes longer than it must
#include "exercise.h"

namespace convoy::lesson {

/// Every rank forward and at once backward.
std::vector<Entry> row(int, int, int micro_batches) {
  std::vector<Entry> entries;
  for (int m = 0; m < micro_batches; ++m) {
    entries.push_back({false, m});
    entries.push_back({true, m});
  }
  return entries;
}

}  // namespace convoy::lesson
