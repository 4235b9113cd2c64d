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

/// Measured times. An op whose batch was not measured is interpolated between the nearest batches, or scaled from the nearest;
/// an op that was not measured at all is an InputError naming it and the command that measures it. nodes: names by index.
CostModel from_profile(const Profile& profile, const Model& model);

/// All zero: what is left is communication.
CostModel free_compute();

}  // namespace convoy
