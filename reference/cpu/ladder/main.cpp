/// convoy-ladder: from the plain loop to the kernel in use, one idea at a time, each rung checked and measured on one core.
///
///   convoy-ladder [OP...]          every rung of every op, or of these: time, GFLOP/s, GB/s, percent of what the core could do
///   convoy-ladder --check [OP...]  only whether every rung is right, on sizes that no block divides
///
/// Ends with 0 when every rung is right, 1 when one is not, 2 when the command is wrong.
#ifdef _OPENMP
#include <omp.h>
#endif

#include <cmath>
#include <cstdio>
#include <limits>
#include <string>

#include "reference/core/error.h"
#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/ladder/measure.h"
#include "reference/cpu/ladder/rung.h"
#include "reference/cpu/naive/kernels.h"

namespace {

using namespace convoy;
using namespace convoy::cpu;
using namespace convoy::cpu::ladder;

constexpr const Ladder* kLadders[] = {&conv2d, &linear, &batch_norm2d};
/// Rungs add in another order than the oracle, and Winograd multiplies other numbers: of the largest output.
constexpr double kTolerance = 2e-4;
constexpr double kBudget_s = 0.4;

/// A tensor whose values differ at every index.
template <class T>
Tensor<T> filled(const Shape& shape, double start) {
  Tensor<T> tensor(shape);
  for (std::int64_t i = 0; i < tensor.count(); ++i)
    tensor.data()[i] = static_cast<T>(static_cast<float>(std::sin(start + 0.7 * static_cast<double>(i % 99991))));
  return tensor;
}

/// One size of a ladder with its operands in both layouts and the right answer, in double from the naive kernels.
class Problem {
 public:
  explicit Problem(const Size& size)
      : size_(size),
        shape_(output_shape(size.layer, size.x)),
        x_(filled<float>(size.x, 0.3)),
        y_(shape_),
        x_blocked_(blocked::blocked_count(size.x)),
        y_blocked_(blocked::blocked_count(shape_)) {
    Shape w{1, 0, 1, 1};
    Shape b{1, shape_.c, 1, 1};
    for (const ParameterShape& parameter : parameter_shapes(size.layer, size.x))
      (parameter.name == "bias" ? b : w) = parameter.shape;
    w_ = filled<float>(w, 1.1);
    b_ = filled<float>(b, 2.3);
    if (std::holds_alternative<BatchNorm2d>(size.layer)) {
      w_.fill(1);
      b_.fill(0);
    }
    const blocked::BlockedView<float> target{x_blocked_.data(), size.x};
    blocked::to_blocked(x_.view(), target);
  }

  [[nodiscard]] Operands operands() {
    return {x_.view(), w_.view(), b_.view(), y_.view(), {x_blocked_.data(), size_.x}, {y_blocked_.data(), shape_}};
  }

  /// The largest difference from the right answer over its largest value; NaN when something was not written.
  double error_of(const Rung& rung) {
    if (wanted_.count() == 0) find_answer();
    y_.fill(std::numeric_limits<float>::quiet_NaN());
    std::fill_n(y_blocked_.data(), y_blocked_.count(), std::numeric_limits<float>::quiet_NaN());
    rung.run(size_.layer, operands());
    if (rung.blocked) blocked::from_blocked({y_blocked_.data(), shape_}, y_.view());
    double largest = 0;
    double difference = 0;
    for (std::int64_t i = 0; i < y_.count(); ++i) {
      largest = std::max(largest, std::abs(wanted_.data()[i]));
      const double here = std::abs(static_cast<double>(y_.data()[i]) - wanted_.data()[i]);
      if (!(here <= difference)) difference = here;
    }
    return difference / largest;
  }

  double time_s(const Rung& rung) {
    const Operands all = operands();
    return fastest_s(kBudget_s, [&] { rung.run(size_.layer, all); });
  }

 private:
  void find_answer() {
    wanted_ = Tensor<double>(shape_);
    const Tensor<double> x = filled<double>(size_.x, 0.3);
    const Tensor<double> w = filled<double>(w_.shape(), 1.1);
    const Tensor<double> b = filled<double>(b_.shape(), 2.3);
    if (const auto* conv = std::get_if<Conv2d>(&size_.layer)) {
      naive::conv2d_forward<double>(x.view(), w.view(), {}, wanted_.view(), conv->window);
    } else if (const auto* norm = std::get_if<BatchNorm2d>(&size_.layer)) {
      std::vector<double> sums(static_cast<std::size_t>(2 * shape_.c + 1));
      const Tensor<double> one({1, shape_.c, 1, 1}, 1.0);
      const Tensor<double> zero({1, shape_.c, 1, 1});
      naive::batch_norm2d_statistics<double>(x.view(), sums);
      naive::batch_norm2d_forward<double>(x.view(), one.view(), zero.view(), sums, norm->epsilon, wanted_.view());
    } else {
      naive::linear_forward<double>(x.view(), w.view(), b.view(), wanted_.view());
    }
  }

  Size size_;
  Shape shape_;
  Tensor<float> x_, w_, b_, y_;
  AlignedArray<float> x_blocked_, y_blocked_;
  Tensor<double> wanted_;
};

/// What one core can do.
struct Limits {
  double flops_per_s = 0;
  double bytes_per_s = 0;
};

bool check(const Ladder& ladder, const std::vector<Size>& sizes) {
  bool right = true;
  for (const Size& size : sizes) {
    Problem problem(size);
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
    const Work work = work_of(size.layer, size.x, Pass::forward, DType::f32);
    const double bytes = work.bytes_read + work.bytes_written;
    const double least_s = std::max(work.flops / limits.flops_per_s, bytes / limits.bytes_per_s);
    std::printf("\n  %s: %s of %d x %d x %d x %d, %.1f MFLOP, %.2f MB\n", std::string(size.where).c_str(),
                describe(size.layer).c_str(), size.x.n, size.x.c, size.x.h, size.x.w, work.flops / 1e6, bytes / 1e6);
    std::printf("  rung  %-60s %10s %9s %8s %10s %8s\n", "idea", "ms", "GFLOP/s", "GB/s", "% of limit", "error");
    Problem problem(size);
    for (const Rung& rung : ladder.rungs) {
      const double error = problem.error_of(rung);
      const double time_s = problem.time_s(rung);
      std::printf("  %4d  %-60s %10.3f %9.1f %8.1f %10.1f %8.0e%s\n", rung.number, std::string(rung.idea).c_str(), time_s * 1e3,
                  work.flops / time_s / 1e9, bytes / time_s / 1e9, 100 * least_s / time_s, error,
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
  flush_denormals();
  bool right = true;
  for (const Ladder* ladder : chosen) right = check(*ladder, ladder->checked()) && right;
  if (only_check) {
    if (right) std::printf("every rung is right\n");
    return right ? 0 : 1;
  }
  const Limits limits{peak_flops_per_s(), memory_bandwidth_bytes_per_s()};
  std::printf(
      "one core: %.0f GFLOP/s of multiply-adds, %.1f GB/s copying; %% of limit: of the larger of FLOPs and bytes at these "
      "rates\n\n",
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
