#include <algorithm>

#include "exercise.h"

namespace convoy::lesson {

/// As many forwards ahead as there are stages behind, then one forward, one backward.
std::vector<Entry> row(int rank, int ranks, int micro_batches) {
  std::vector<Entry> entries;
  const int ahead = std::min(ranks - rank - 1, micro_batches);
  for (int m = 0; m < ahead; ++m) entries.push_back({false, m});
  for (int m = 0; m < micro_batches; ++m) {
    if (m + ahead < micro_batches) entries.push_back({false, m + ahead});
    entries.push_back({true, m});
  }
  return entries;
}

}  // namespace convoy::lesson
