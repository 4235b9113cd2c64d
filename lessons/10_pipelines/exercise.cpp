// expect: row says nothing so far
#include "exercise.h"

namespace convoy::lesson {

std::vector<Entry> row(int rank, int ranks, int micro_batches) {
  std::vector<Entry> entries;
  // Your lines come here. Begin with the last rank: when can its first backward begin?
  static_cast<void>(rank), static_cast<void>(ranks), static_cast<void>(micro_batches);
  return entries;
}

}  // namespace convoy::lesson
