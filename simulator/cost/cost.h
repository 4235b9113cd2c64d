/// Costs: seconds of a compute op on an idle device.
#pragma once

#include <cstdint>
#include <functional>

#include "reference/io/layer_times.h"
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

/// How many times its usual time a compute op of a rank takes in an iteration: as it was in a measured step (ProfileEntry::steps_s)
/// over the median. Every rank repeats the measured steps in an order of its own drawn from `seed`, all ops of an iteration those of
/// one measured step, so that real ranks' way of being slow by turns is kept. 1 where a profile has no single steps; an empty
/// function where it has none at all. `profile` and `schedule` must be those of from_profile()'s model; neither is kept.
std::function<double(int rank, int iteration, int op)> measured_jitter(const Profile& profile, const Model& model,
                                                                       const Schedule& schedule, std::uint64_t seed);

/// Times of whole layers from somebody else's CSV, interpolated over the images as from_profile() does; `rest` for ops that are
/// in none of its rows (updates, copies, layers that were not measured). A backward pass that was measured in one is divided by
/// FLOPs. The statistics of BatchNorm2d are in its layer's time. An InputError names the line of a layer that the model does not
/// have; the model itself throws one for an op on a part of a layer.
CostModel from_layer_times(const LayerTimes& times, const Model& model, const CostModel& rest);
/// Passes of layers that compute and that the file has no time for: "relu1 forward".
std::vector<std::string> layers_without_times(const LayerTimes& times, const Model& model);

/// All zero: what is left is communication.
CostModel free_compute();

}  // namespace convoy
