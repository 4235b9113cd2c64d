/// The functions of Activation over consecutive floats, whatever the layout of the tensor that they belong to.
#pragma once

#include <cstdint>

#include "reference/model/layer.h"

namespace convoy::cpu {

/// y[i] = function(x[i]) for i in [0, count), NaN where x is NaN; y may be x.
void activate(ActivationFunction function, const float* x, std::int64_t count, float* y);
/// dx[i] = dy[i] function'(x[i]). `source` is y where differentiates_output(function), else x; dx may be dy.
void differentiate(ActivationFunction function, const float* dy, const float* source, std::int64_t count, float* dx);

}  // namespace convoy::cpu
