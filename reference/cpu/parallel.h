/// How kernels divide work: always in a fixed way that depends on the number of threads only, never on who comes first.
#pragma once

#include <algorithm>
#include <cstdint>

#include "reference/core/shard.h"

#ifdef _OPENMP
#include <omp.h>
#endif

namespace convoy::cpu {

/// Threads that the calling thread may use; 1 when built without OpenMP.
inline int max_threads() {
#ifdef _OPENMP
  return omp_get_max_threads();
#else
  return 1;
#endif
}

/// body(i) for i in [0, count), divided among the threads. The bodies must not touch the same data.
template <class Body>
void parallel_for(std::int64_t count, const Body& body) {
#ifdef _OPENMP
  const int threads = static_cast<int>(std::min<std::int64_t>(count, max_threads()));
  if (threads > 1) {
#pragma omp parallel for schedule(static) num_threads(threads)
    for (std::int64_t i = 0; i < count; ++i) body(i);
    return;
  }
#endif
  for (std::int64_t i = 0; i < count; ++i) body(i);
}

/// Into how many parts `count` elements are divided when a part of fewer than `grain` is not worth a thread.
inline std::int64_t parts_of(std::int64_t count, std::int64_t grain) {
  return std::clamp<std::int64_t>(count / std::max<std::int64_t>(grain, 1), 1, max_threads());
}

/// body(slice) for slices that together are [0, count), at most one a thread and none much smaller than `grain`.
template <class Body>
void parallel_slices(std::int64_t count, std::int64_t grain, const Body& body) {
  const std::int64_t parts = parts_of(count, grain);
  parallel_for(parts, [&](std::int64_t part) { body(shard(count, parts, part)); });
}

/// Elements of an element-wise loop that are worth a thread: about 10 us of work, a few times what waking one costs.
inline constexpr std::int64_t kElementGrain = 32'768;

}  // namespace convoy::cpu
