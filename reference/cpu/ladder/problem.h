/// Problem: one size of a ladder with its operands and the right answer.
#pragma once

#include "reference/cpu/ladder/rung.h"

namespace convoy::cpu::ladder {

/// Rungs add in another order than the oracle, and Winograd multiplies other numbers: of the largest output.
inline constexpr double kTolerance = 2e-4;

/// Operands whose values differ at every index, in both layouts. The right answer comes from the naive kernels in double.
class Problem {
 public:
  explicit Problem(const Size& size, Pass pass = Pass::forward);
  [[nodiscard]] Operands operands();
  /// The largest difference from the right answer over its largest value; NaN when something was not written.
  double error_of(const Rung& rung);
  /// Seconds of one call: fastest_s() of measure.h.
  double time_s(const Rung& rung, double budget_s);

 private:
  void find_answer();

  Size size_;
  Pass pass_;
  Shape y_shape_, result_shape_;
  Tensor<float> x_, w_, b_, dy_, result_;
  AlignedArray<float> x_blocked_, dy_blocked_, result_blocked_;
  Tensor<double> wanted_;
};

}  // namespace convoy::cpu::ladder
