/// convoy-ladder: from the plain loop to the kernel in use, one idea at a time, each rung checked and measured on one core.
///
///   convoy-ladder [OP...]          every rung of every op, or of these: time, GFLOP/s, GB/s, percent of the core's peak and of what it could do
///   convoy-ladder --check [OP...]  only whether every rung is right, on sizes that no block divides
///
/// Ends with 0 when every rung is right, 1 when one is not, 2 when the command is wrong.
#ifdef _OPENMP
#include <omp.h>
#endif

#include <cstdio>
#include <string>

#include "reference/core/error.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/ladder/measure.h"
#include "reference/cpu/ladder/problem.h"
#include "reference/cpu/ladder/rung.h"

namespace {

using namespace convoy;
using namespace convoy::cpu::ladder;

constexpr const Ladder* kLadders[] = {&conv2d,
                                      &conv2d_backward_input,
                                      &conv2d_backward_weights,
                                      &depthwise,
                                      &linear,
                                      &linear_backward_input,
                                      &linear_backward_weights,
                                      &batch_norm2d,
                                      &max_pool2d,
                                      &max_pool2d_backward_input};
constexpr double kBudget_s = 0.4;

/// What one core can do.
struct Limits {
  double flops_per_s = 0;
  double bytes_per_s = 0;
};

bool check(const Ladder& ladder, const std::vector<Size>& sizes) {
  bool right = true;
  for (const Size& size : sizes) {
    Problem problem(size, ladder.pass);
    for (const Rung& rung : ladder.rungs) {
      const double error = problem.error_of(rung);
      if (error <= kTolerance) continue;
      std::printf("WRONG: %s rung %d (%s): off by %g of the largest value for %s of %dx%dx%dx%d\n",
                  std::string(ladder.op).c_str(), rung.number, std::string(rung.idea).c_str(), error,
                  describe(size.layer).c_str(), size.x.n, size.x.c, size.x.h, size.x.w);
      right = false;
    }
  }
  return right;
}

void measure(const Ladder& ladder, const Limits& limits) {
  std::printf("%s: %s\n", std::string(ladder.op).c_str(), std::string(ladder.what).c_str());
  for (const Size& size : ladder.measured()) {
    const Work work = work_of(size.layer, size.x, ladder.pass, DType::f32);
    const double bytes = work.bytes_read + work.bytes_written;
    const double least_s = std::max(work.flops / limits.flops_per_s, bytes / limits.bytes_per_s);
    std::printf("\n  %s: %s of %d x %d x %d x %d, %.1f MFLOP, %.2f MB\n", std::string(size.where).c_str(),
                describe(size.layer).c_str(), size.x.n, size.x.c, size.x.h, size.x.w, work.flops / 1e6, bytes / 1e6);
    std::printf("  rung  %-60s %10s %9s %9s %8s %10s %8s\n", "idea", "ms", "GFLOP/s", "% of peak", "GB/s", "% of limit", "error");
    Problem problem(size, ladder.pass);
    for (const Rung& rung : ladder.rungs) {
      const double error = problem.error_of(rung);
      const double time_s = problem.time_s(rung, kBudget_s);
      std::printf("  %4d  %-60s %10.3f %9.1f %9.1f %8.1f %10.1f %8.0e%s\n", rung.number, std::string(rung.idea).c_str(), time_s * 1e3,
                  work.flops / time_s / 1e9, 100 * work.flops / time_s / limits.flops_per_s, bytes / time_s / 1e9, 100 * least_s / time_s, error,
                  error <= kTolerance ? "" : " WRONG");
      std::fflush(stdout);
    }
  }
  std::printf("\n");
}

int run(const std::vector<std::string>& words) {
  bool only_check = false;
  std::vector<const Ladder*> chosen;
  std::vector<std::string> names;
  for (const Ladder* ladder : kLadders) names.emplace_back(ladder->op);
  for (const std::string& word : words) {
    if (word == "--check") {
      only_check = true;
      continue;
    }
    const std::size_t before = chosen.size();
    for (const Ladder* ladder : kLadders)
      if (ladder->op == word) chosen.push_back(ladder);
    if (chosen.size() == before) throw_unknown_word("op", word, names);
  }
  if (chosen.empty()) chosen.assign(std::begin(kLadders), std::end(kLadders));

#ifdef _OPENMP
  omp_set_num_threads(1);
#endif
  cpu::flush_denormals();
  bool right = true;
  for (const Ladder* ladder : chosen) right = check(*ladder, ladder->checked()) && right;
  if (only_check) {
    if (right) std::printf("every rung is right\n");
    return right ? 0 : 1;
  }
  const Limits limits{peak_flops_per_s(), memory_bandwidth_bytes_per_s()};
  std::printf(
      "one core: %.0f GFLOP/s of multiply-adds, the peak, and %.1f GB/s copying; %% of limit: the least time that FLOPs and "
      "bytes take at these rates\n\n",
      limits.flops_per_s / 1e9, limits.bytes_per_s / 1e9);
  for (const Ladder* ladder : chosen) {
    measure(*ladder, limits);
    right = check(*ladder, ladder->measured()) && right;
  }
  return right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "convoy-ladder: %s\nusage: convoy-ladder [--check] [OP...]\n", error.what());
    return 2;
  }
}
