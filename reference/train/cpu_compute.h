/// CpuCompute: carries out the compute ops of a schedule with the kernels of reference/cpu.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "reference/cpu/types.h"
#include "reference/data/dataset.h"
#include "reference/data/loader.h"
#include "reference/data/sample.h"
#include "reference/exec/exec.h"
#include "reference/model/model.h"
#include "reference/plans/plan.h"
#include "reference/train/device_backend.h"

namespace convoy {

/// Which kernels run: the plain ones in double (the oracle) or float, or the fast ones (float).
enum class Kernels : std::uint8_t { naive_f64, naive_f32, fast };
/// The type that a plan's buffers must have for them.
DType dtype_of(Kernels kernels);

struct ComputeSettings {
  Kernels kernels = Kernels::fast;
  Mode mode = Mode::train;      ///< when evaluating, Dropout lets everything through
  std::uint64_t seed = 1;       ///< of Dropout
  std::int64_t first_step = 0;  ///< step number of iteration 0 of the run
  /// Settings of the optimiser at a step.
  std::function<cpu::SgdSettings(std::int64_t step)> sgd = [](std::int64_t) { return cpu::SgdSettings{}; };
  bool lars = false;  ///< the rule of lars_rate(), in schedules of plans with this optimiser
  double lars_trust = 0.001;
  /// Index in the data set of image `position` of the global batch of a step. By default batches follow one another, and the
  /// data set begins again when it ends.
  std::function<std::int64_t(std::int64_t step, std::int64_t position)> sample_at = {};
  std::optional<Augmentation> augmentation = {};  ///< how images are varied when they are loaded
  VariationKey variation = {};
  /// A device that computes in place of this processor, with its own kernels on its own memory; schedules then have no fused layers.
  const DeviceBackend* device = nullptr;
  BatchLoader* loader = nullptr;  ///< who prepares images, in float; null: load does it itself
};

/// What LARS multiplies the learning rate of a tensor with: trust |w| / (|dw| + weight_decay |w|), from sums of squares; 1 where
/// either norm is 0. v = momentum v + learning_rate rate (dw + weight_decay w); w -= v.
/// Source: You, Gitman, Ginsburg, "Large Batch Training of Convolutional Networks", 2017, algorithm 1.
double lars_rate(double trust, double weight_squares, double gradient_squares, double weight_decay);

struct ComputeState;  // train/compute_op.h

class CpuCompute {
 public:
  /// model and data must outlive this. `ranks` is the world size of the schedules that will run.
  CpuCompute(const Model& model, const Dataset& data, int ranks, ComputeSettings settings);
  ~CpuCompute();
  CpuCompute(const CpuCompute&) = delete;
  CpuCompute& operator=(const CpuCompute&) = delete;

  /// Carries out one op. Called by different ranks at the same time, by one thread for each rank. Throws
  /// std::invalid_argument when an operand is missing or of the wrong size or type.
  void run(const ComputeCall& call);
  /// run() as a function to hand to an executor; this must outlive it.
  ComputeFn function();

  /// Changes what later runs use; not while one is going on.
  ComputeSettings& settings() { return settings_; }
  /// Loss and number of correct answers, summed over the images that a rank, or all ranks, have counted since reset_totals(); see
  /// counted_samples().
  [[nodiscard]] cpu::Loss totals(int rank) const;
  [[nodiscard]] cpu::Loss totals() const;
  void reset_totals();
  void set_totals(int rank, const cpu::Loss& totals);

 private:
  const Model& model_;
  const Dataset& data_;
  ComputeSettings settings_;
  std::vector<Shape> inputs_;  ///< of each node, whole, with one image
  std::vector<ComputeState> ranks_;
};

}  // namespace convoy
