/// profile: what every compute op of a model costs on this machine while all ranks run, and what its messages cost.
#pragma once

#include <vector>

#include "reference/data/dataset.h"
#include "reference/io/profile.h"
#include "reference/model/model.h"
#include "reference/plans/plan.h"
#include "reference/schedule/timeline.h"
#include "reference/train/device_backend.h"
#include "reference/train/transport.h"

namespace convoy {

struct ProfileSettings {
  std::vector<int> batches = {32};  ///< images of each rank; one run for each
  int concurrent = 1;               ///< ranks that run at the same time
  int threads = 1;                  ///< OpenMP threads of each rank
  bool bind = true;                 ///< each rank on cores of its own, as in training
  int warmup = 3;                   ///< steps not counted
  int steps = 0;                    ///< counted; 0: as many as take about 0.3 s, 20 at least
  std::uint64_t seed = 1;
  /// Images that are trained on, in shuffled order like in training; they decide how long max pooling takes, and whether load
  /// finds them in the cache. Must outlive profile(); null: synthetic ones.
  const TrainingData* data = nullptr;
  const DeviceBackend* device = nullptr;  ///< computes in place of this processor; the transport is then device_transport()
};

/// Runs real training steps of the plan (its batch is set from `settings`; overlap is off, so that no message disturbs a compute
/// op, except for ops that there are only with overlap) on images of the data, and takes the median over ranks and steps of every
/// kind of compute op. Measures the transport when more than one rank is asked for, and always the machine, or the device. The fields `command`,
/// `date` and `data` are left to the caller.
/// All processes of the transport call it; the times come out where rank 0 is.
Profile profile(const Model& model, const Plan& plan, const ProfileSettings& settings, const Transport& transport);
/// The same on threads of this process.
Profile profile(const Model& model, const Plan& plan, const ProfileSettings& settings);

/// Medians of the compute ops of a timeline, leaving out the first `warmup` iterations; ops that do the same (kind, node and
/// OpSize) are one entry.
std::vector<ProfileEntry> profile_entries(const Model& model, const Schedule& schedule, const Timeline& timeline, int warmup);

}  // namespace convoy
