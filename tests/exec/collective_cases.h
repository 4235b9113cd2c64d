/// Collectives on whole numbers, for every executor: schedules, what goes in, and what must come out.
#pragma once

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "reference/exec/memory.h"
#include "tests/schedule/hand_made.h"

namespace convoy::tests {

/// What rank has at index i before a collective: another value at every index of every rank, and sums that are exact in a float.
inline float value_of(int rank, std::int64_t i) { return static_cast<float>((rank + 1) * 100 + i); }

/// One collective for each count, one after the other on regions of buffer "a" that follow each other.
inline Schedule collectives_of(const CollectiveAlgorithm& algorithm, int ranks, const std::vector<int>& counts, int chunks,
                               DType dtype) {
  Schedule schedule = empty_schedule(ranks, std::accumulate(counts.begin(), counts.end(), 0));
  for (Buffer& buffer : schedule.programs[0].buffers) buffer.dtype = dtype;
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const Collective collective{.kind = algorithm.kind,
                                .algorithm = std::string(algorithm.name),
                                .axis = 0,
                                .id = static_cast<int>(i),
                                .root = ranks / 2,
                                .chunks = chunks,
                                .region = {0, {offset, counts[i]}}};
    schedule.programs[0].ops.push_back({"collective", kCommunicationStream, {}, collective});
    offset += counts[i];
  }
  return schedule;
}

/// Element i of a collective of `count` elements after it, where all ranks began with value_of(rank, i).
template <class T>
T expected(CollectiveKind kind, int ranks, int count, std::int64_t i) {
  if (kind == CollectiveKind::broadcast) return static_cast<T>(value_of(ranks / 2, i));
  if (kind == CollectiveKind::all_gather) {
    int owner = 0;
    while (shard(count, ranks, owner).end() <= i) ++owner;
    return static_cast<T>(value_of(owner, i));
  }
  T sum = 0;
  for (int r = 0; r < ranks; ++r) sum += static_cast<T>(value_of(r, i));
  return sum;
}

/// Binds a rank's memory to a schedule of collectives_of() and fills it.
template <class T>
void fill_for_collectives(RankMemory& memory, const Schedule& schedule, int rank, const std::vector<int>& counts) {
  memory.bind(schedule.program(rank));
  T* element = memory.persistent<T>("a").data();
  for (const int count : counts)
    for (std::int64_t i = 0; i < count; ++i) *element++ = static_cast<T>(value_of(rank, i));
}

/// Elements that are not what the collectives define at a rank.
template <class T>
int wrong_elements(const RankMemory& memory, CollectiveKind kind, int rank, int ranks, const std::vector<int>& counts) {
  const T* result = memory.persistent<T>("a").data();
  int wrong = 0;
  for (const int count : counts) {
    Slice range = kind == CollectiveKind::reduce_scatter ? shard(count, ranks, rank) : Slice{0, count};
    if (kind == CollectiveKind::reduce && rank != ranks / 2) range.count = 0;  // only the root has the sum
    for (std::int64_t i = range.offset; i < range.end(); ++i) wrong += result[i] == expected<T>(kind, ranks, count, i) ? 0 : 1;
    result += count;
  }
  return wrong;
}

}  // namespace convoy::tests
