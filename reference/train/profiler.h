/// profile: what every compute op of a model costs on this machine while all ranks run, and what its messages cost.
#pragma once

#include <vector>

#include "reference/io/profile.h"
#include "reference/model/model.h"
#include "reference/plans/plan.h"
#include "reference/schedule/timeline.h"

namespace convoy {

struct ProfileSettings {
  std::vector<int> batches = {32};  ///< images of each rank; one run for each
  int concurrent = 1;               ///< ranks that run at the same time
  int threads = 1;                  ///< OpenMP threads of each rank
  bool bind = true;                 ///< each rank on cores of its own, as in training
  int warmup = 3;                   ///< steps not counted
  int steps = 20;                   ///< counted
  std::uint64_t seed = 1;
};

/// Runs real training steps of the plan (its mesh and batch are set from `settings`; overlap is off, so that no message disturbs
/// a compute op) on synthetic images, and takes the median over ranks and steps of every kind of compute op. Measures the
/// transport when more than one rank is asked for, and the machine always. The fields `command` and `date` are left to the
/// caller.
Profile profile(const Model& model, const Plan& plan, const ProfileSettings& settings);

/// Medians of the compute ops of a timeline, leaving out the first `warmup` iterations; ops that do the same (kind, node, batch,
/// count) are one entry.
std::vector<ProfileEntry> profile_entries(const Model& model, const Schedule& schedule, const Timeline& timeline, int warmup);

}  // namespace convoy
