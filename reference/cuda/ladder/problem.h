/// Problem: one size of an op with its operands on a device and the right answer.
#pragma once

#include <string>

#include "reference/cuda/ladder/rung.h"

namespace convoy::cuda::ladder {

/// Where rungs run: functions of runtime.h and the table of rungs of one side.
struct Backend {
  std::string_view name;
  void* (*allocate)(std::int64_t bytes, const std::string& name, int element_bytes);
  void (*release)(void* memory);
  void (*upload)(void* to, const void* from, std::int64_t bytes);
  void (*download)(void* to, const void* from, std::int64_t bytes);
  RungsOf rungs;
};
/// The emulator.
const Backend& emulated_backend();
/// The GPU; null where this was built without CUDA.
const Backend* device_backend();

/// What the operands hold. Both differ from index to index. Sums of `whole` ones, integers from -8 to 8, are exact in float in any
/// order, so that answers must agree bit by bit.
enum class Values { real, whole };

/// Of the largest value of the answer. Rungs add in another order than the oracle; tf32 rounds every factor to ten bits of mantissa,
/// 5e-4, in sums whose terms cancel. A bug changes whole terms, and integers must agree bit by bit.
inline constexpr double kTolerance = 1e-4;
inline constexpr double kTolerance_tf32 = 1e-2;
inline double tolerance_of(const Rung& rung) { return rung.tf32 ? kTolerance_tf32 : kTolerance; }

class Problem {
 public:
  Problem(const Op& op, const Size& size, Values values, const Backend& backend);
  ~Problem();
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  /// Runs it once, on what is there.
  void run(const Rung& rung) const { rung.run(size_, operands_); }
  /// Puts NaN, or what is accumulated into, into `out`, and runs it once.
  void run_anew(const Rung& rung);
  /// Largest difference from the naive kernels in double over the largest value; NaN when something was not written.
  double error_of(const Rung& rung);
  /// Whether the answer is that of the naive kernels in float, bit by bit (zeros of both signs being equal).
  bool equals_exactly(const Rung& rung);

 private:
  Tensor<float> answer_of(const Rung& rung);

  const Op& op_;
  Size size_;
  const Backend& backend_;
  Tensor<float> first_, second_, before_;
  Tensor<double> wanted_;
  Operands operands_;
};

/// Whether a rung takes this size.
bool takes(const Rung& rung, const Size& size);

}  // namespace convoy::cuda::ladder
