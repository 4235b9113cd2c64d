// expect: keeps the activations of
#include "exercise.h"

namespace convoy::lesson {

/// All micro-batches forward, then all backward.
std::vector<Entry> row(int, int, int micro_batches) {
  std::vector<Entry> entries;
  for (int m = 0; m < micro_batches; ++m) entries.push_back({false, m});
  for (int m = micro_batches; m-- > 0;) entries.push_back({true, m});
  return entries;
}

}  // namespace convoy::lesson
