/// Costs: seconds of a compute op on an idle device.
#pragma once

#include "reference/io/profile.h"
#include "reference/model/model.h"
#include "reference/schedule/ideal.h"
#include "simulator/platform/cluster.h"

namespace convoy {

/// Roofline (Williams, Waterman, Patterson 2009): launch overhead + max(FLOPs / peak, bytes / memory bandwidth), with the peak of
/// the schedule's precision. Optimistic: real kernels reach a part of the peak. An InputError when the device has no such peak.
CostModel roofline(const Device& device, const std::string& precision);

/// Measured times. An op is looked up by node, kind and shape (size_of()); a number of images or elements that was not measured
/// is interpolated between the nearest, or scaled from the nearest. An op that was not measured at all is an InputError naming it
/// and `measure`, the command that measures it; an op without work takes no time.
CostModel from_profile(const Profile& profile, const Model& model, const std::string& measure = "");

/// All zero: what is left is communication.
CostModel free_compute();

}  // namespace convoy
