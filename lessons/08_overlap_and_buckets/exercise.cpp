// expect: last_all_reduce_end_s says 0 so far
#include "exercise.h"

namespace convoy::lesson {

double last_all_reduce_end_s(const std::vector<Gradient>& gradients, std::int64_t bucket_bytes, double latency_s,
                             double bytes_per_s) {
  double end_s = 0;  // of the all-reduce before
  // Your lines come here. Fill a bucket, close it, and ask when its all-reduce can begin.
  static_cast<void>(gradients), static_cast<void>(bucket_bytes), static_cast<void>(latency_s), static_cast<void>(bytes_per_s);
  return end_s;
}

}  // namespace convoy::lesson
