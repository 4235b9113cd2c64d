/// The exercise of lesson 8.
#pragma once

#include <cstdint>
#include <vector>

namespace convoy::lesson {

/// One gradient of the backward pass, in the order in which they become ready.
struct Gradient {
  double ready_s = 0;  ///< when the backward pass has it, from the start of that pass
  std::int64_t bytes = 0;
};

/// When the last all-reduce ends, in seconds from the start of the backward pass.
///
/// Gradients are put into buckets in their order. A bucket is closed by the gradient with which it has `bucket_bytes` or more;
/// the last one is closed when there are no more gradients. A closed bucket is all-reduced as a whole, which takes
///
///     latency_s + bytes / bytes_per_s.
///
/// It begins when the bucket is closed, or when the all-reduce before it has ended: there is one at a time.
double last_all_reduce_end_s(const std::vector<Gradient>& gradients, std::int64_t bucket_bytes, double latency_s,
                             double bytes_per_s);

}  // namespace convoy::lesson
