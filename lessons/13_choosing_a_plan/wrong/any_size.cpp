// expect: that does not fit into the device
#include <algorithm>
#include <numeric>

#include "exercise.h"

namespace convoy::lesson {

/// Does not look at the memory.
int fastest(const std::vector<Candidate>& candidates, std::int64_t device_bytes, const std::function<double(int)>& simulate_s) {
  const auto of = [&](int i) -> const Candidate& { return candidates[static_cast<std::size_t>(i)]; };
  std::vector<int> order(candidates.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) { return of(a).lower_bound_s < of(b).lower_bound_s; });
  int best = -1;
  double best_s = 0;
  for (const int i : order) {
    static_cast<void>(device_bytes);
    if (best >= 0 && of(i).lower_bound_s >= best_s) break;
    const double time_s = simulate_s(i);
    if (best >= 0 && time_s >= best_s) continue;
    best = i;
    best_s = time_s;
  }
  return best;
}

}  // namespace convoy::lesson
