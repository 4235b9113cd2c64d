/// Compute ops on tensors in the layout nchw16c, with the kernels of reference/cpu/blocked. CpuCompute hands them over.
#pragma once

#include "reference/exec/exec.h"
#include "reference/model/layer.h"

namespace convoy {

/// Whether an operand of the op lies in a blocked buffer.
bool touches_blocked(const ComputeCall& call);

/// Carries out such an op; `layer` is that of its node (any, for an op of none), `image` the shape of the node's whole input,
/// of one sample. Throws std::invalid_argument naming the op when there is no blocked kernel for it.
void run_blocked(const ComputeCall& call, const Layer& layer, const Shape& image);

}  // namespace convoy
