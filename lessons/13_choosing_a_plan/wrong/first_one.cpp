// expect: after the first simulation
#include <algorithm>
#include <numeric>

#include "exercise.h"

namespace convoy::lesson {

/// Simulates one.
int fastest(const std::vector<Candidate>& candidates, std::int64_t device_bytes, const std::function<double(int)>& simulate_s) {
  const auto of = [&](int i) -> const Candidate& { return candidates[static_cast<std::size_t>(i)]; };
  std::vector<int> order(candidates.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int a, int b) { return of(a).lower_bound_s < of(b).lower_bound_s; });
  int best = -1;
  double best_s = 0;
  for (const int i : order) {
    if (of(i).memory_bytes > device_bytes) continue;
    if (best >= 0) break;
    const double time_s = simulate_s(i);
    if (best >= 0 && time_s >= best_s) continue;
    best = i;
    best_s = time_s;
  }
  return best;
}

}  // namespace convoy::lesson
