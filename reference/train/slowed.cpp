#include "reference/train/slowed.h"

#include <chrono>
#include <thread>
#include <utility>

namespace convoy {

ComputeFn slowed(ComputeFn compute, const Stragglers& stragglers, std::int64_t first_step, std::function<double()> now_s) {
  if (!stragglers.any()) return compute;
  return [compute = std::move(compute), stragglers, first_step, now_s = std::move(now_s)](const ComputeCall& call) {
    constexpr double kPortion_s = 2e-4;
    thread_local double owed_s = 0;
    const double start_s = now_s();
    compute(call);
    const double end_s = now_s();
    owed_s += (stragglers.factor(call.rank, first_step + call.iteration) - 1) * (end_s - start_s);
    if (owed_s < kPortion_s) return;
    std::this_thread::sleep_for(std::chrono::duration<double>(owed_s));
    owed_s -= now_s() - end_s;
  };
}

}  // namespace convoy
