/// Rung: one step of a CUDA ladder, from the plain kernel to the one in use, one idea more than the step below it.
///
/// A rung is a file `OP/N_IDEA.cuh`: what it changes and why, the bytes and operations that it needs, the kernel, its launch, and what it
/// promises the emulator's counts will be. It has a row in rungs.cuh, which is compiled for the GPU and for the emulator.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "reference/core/tensor.h"
#include "reference/cuda/ladder/promise.h"
#include "reference/model/layer.h"

namespace convoy::cuda::ladder {

/// Shapes of an op. A matrix [M,K] is the shape {M,K,1,1}.
struct Size {
  Shape first;    ///< x of forward ops, dy of backward ones, A, what arrived of a bucket
  Shape second;   ///< w, x of the gradient of weights, B; no elements where there is none
  Shape out;      ///< y, dx, dw, C
  Window window;  ///< of convolutions and pooling
  std::string_view where;
};

/// Memory of the device.
struct Operands {
  const float* first = nullptr;
  const float* second = nullptr;
  float* out = nullptr;
  double* sums = nullptr;  ///< 2 C + 1, of batch normalisation
  float* parts = nullptr;  ///< scratch_floats() of the op
};

struct Rung {
  int number = 0;
  std::string_view idea;
  void (*run)(const Size& size, const Operands& operands);
  Promise (*promise)(const Size& size);  ///< at the op's counted() size
  int chip = 75;                         ///< the oldest that runs it
  bool tf32 = false;                     ///< rounds its operands to ten bits of mantissa
  bool any_window = true;                ///< false: stride and dilation 1 only
  bool emulated = true;                  ///< runs on the emulator
  bool one_chip = false;                 ///< no other chip than `chip` runs it, newer ones neither
};

/// Whether a chip runs a rung.
inline bool runs_on(const Rung& rung, int chip) { return rung.one_chip ? chip == rung.chip : chip >= rung.chip; }

/// The rungs of an op, in order; none when the op is unknown.
using RungsOf = std::span<const Rung> (*)(std::string_view op);

/// What does not depend on where it runs.
struct Op {
  std::string_view name;
  std::string_view what;
  double (*flops)(const Size& size);
  double (*bytes)(const Size& size);              ///< at least, each operand once
  std::vector<Size> (*measured)();                ///< that networks have
  std::vector<Size> (*checked)();                 ///< small ones that no tile divides
  Size (*counted)();                              ///< that all tiles divide, for promises
  bool accumulates = false;                       ///< into out
  bool exact = true;                              ///< on integers: only adds, multiplies and compares
  std::int64_t (*scratch_floats)(const Size& size) = nullptr;  ///< of `parts`
  /// The answer of the naive kernels in double, and in float.
  void (*answer)(const Size& size, View<const double> first, View<const double> second, View<double> out) = nullptr;
  void (*answer_float)(const Size& size, View<const float> first, View<const float> second, View<float> out) = nullptr;
};

std::span<const Op> ops();

}  // namespace convoy::cuda::ladder
