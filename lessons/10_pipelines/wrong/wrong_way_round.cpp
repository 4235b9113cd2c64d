// expect: stands still for ever
#include <algorithm>

#include "exercise.h"

namespace convoy::lesson {

/// As many forwards ahead as there are stages before.
std::vector<Entry> row(int rank, int, int micro_batches) {
  std::vector<Entry> entries;
  const int ahead = std::min(rank, micro_batches);
  for (int m = 0; m < ahead; ++m) entries.push_back({false, m});
  for (int m = 0; m < micro_batches; ++m) {
    if (m + ahead < micro_batches) entries.push_back({false, m + ahead});
    entries.push_back({true, m});
  }
  return entries;
}

}  // namespace convoy::lesson
