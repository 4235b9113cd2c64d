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

/// One collective for each count, one after the other on regions of buffer "a" that follow each other; those that the algorithm
/// refuses are left out.
inline Schedule collectives_of(const CollectiveAlgorithm& algorithm, int ranks, const std::vector<int>& counts, int chunks,
                               DType dtype, int channels = 1, int ranks_per_node = 0) {
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
                                .region = {0, {offset, counts[i]}},
                                .channels = channels,
                                .ranks_per_node = ranks_per_node};
    if (why_not(algorithm, request_of(schedule, 0, collective)).empty())
      schedule.programs[0].ops.push_back({"collective", kCommunicationStream, {}, collective});
    offset += counts[i];
  }
  return schedule;
}

/// Element i of what a rank has after a collective in which all ranks began with value_of(rank, i), where that is defined.
template <class T>
T expected(CollectiveKind kind, const CollectiveRequest& request, std::int64_t i) {
  if (kind == CollectiveKind::broadcast) return static_cast<T>(value_of(request.root, i));
  if (kind == CollectiveKind::all_gather || kind == CollectiveKind::all_to_all) {
    int owner = 0;
    while (part_of(request, owner).end() <= i) ++owner;
    if (kind == CollectiveKind::all_gather) return static_cast<T>(value_of(owner, i));
    return static_cast<T>(value_of(owner, part_of(request, request.rank).offset + i - part_of(request, owner).offset));
  }
  T sum = 0;
  for (int r = 0; r < request.world_size; ++r) sum = static_cast<T>(sum + static_cast<T>(value_of(r, i)));
  return sum;
}

/// Elements of which the collective says what they are at this rank.
inline Slice defined_at(CollectiveKind kind, const CollectiveRequest& request) {
  if (kind == CollectiveKind::reduce_scatter) return part_of(request, request.rank);
  if (kind == CollectiveKind::reduce && request.rank != request.root) return {0, 0};
  return {0, request.count};
}

/// Binds a rank's memory to a schedule of collectives_of() and fills it.
template <class T>
void fill_for_collectives(RankMemory& memory, const Schedule& schedule, int rank, const std::vector<int>& counts) {
  memory.bind(schedule.program(rank));
  T* element = memory.persistent<T>("a").data();
  for (const int count : counts)
    for (std::int64_t i = 0; i < count; ++i) *element++ = static_cast<T>(value_of(rank, i));
}

/// Elements that are not what the collectives of a schedule of collectives_of() define at a rank.
template <class T>
int wrong_elements(const RankMemory& memory, const Schedule& schedule, int rank) {
  const T* values = memory.persistent<T>("a").data();
  int wrong = 0;
  for (const Op& op : schedule.programs[0].ops) {
    const auto& collective = std::get<Collective>(op.action);
    const CollectiveRequest request = request_of(schedule, rank, collective);
    const Slice defined = defined_at(collective.kind, request);
    for (std::int64_t i = defined.offset; i < defined.end(); ++i)
      wrong += values[collective.region.slice.offset + i] == expected<T>(collective.kind, request, i) ? 0 : 1;
  }
  return wrong;
}

}  // namespace convoy::tests
