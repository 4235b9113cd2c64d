/// train: the loop over epochs, with real data.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reference/data/dataset.h"
#include "reference/exec/exec.h"
#include "reference/io/accuracy_curve.h"
#include "reference/plans/plan.h"
#include "reference/schedule/stragglers.h"
#include "reference/schedule/timeline.h"
#include "reference/train/checkpoint.h"
#include "reference/train/cpu_compute.h"
#include "reference/train/rate.h"
#include "reference/train/transport.h"
#include "reference/train/weights.h"

namespace convoy {

/// Where a run is, for a progress bar.
struct Progress {
  int epoch = 0;               ///< from 0
  std::int64_t step = 0;       ///< steps done in this epoch
  std::int64_t steps = 0;      ///< of this epoch
  std::int64_t images = 0;     ///< done in this epoch, over all ranks
  double time_s = 0;           ///< since the epoch began
  std::optional<double> loss;  ///< mean of this epoch so far, over the images of rank 0; nothing while it had none
};

struct TrainSettings {
  int epochs = 1;
  std::int64_t steps_per_epoch = 0;  ///< stop an epoch after this many steps of plan.global_batch images; 0: never
  int threads = 1;                   ///< OpenMP threads of each rank
  bool bind = true;                  ///< each rank's compute thread on cores of its own, while there are enough
  Kernels kernels = Kernels::fast;
  const DeviceBackend* device = nullptr;  ///< computes in place of this processor; the transport is then device_transport()
  std::uint64_t seed = 1;  ///< of weights, order of images and Dropout
  cpu::SgdSettings sgd{.learning_rate = 0.025, .momentum = 0.9, .weight_decay = 0};
  double lars_trust = 0.001;  ///< of plans with this optimiser, see lars_rate()
  std::optional<Augmentation> augmentation = {};  ///< of training images
  /// Threads of this process that prepare images ahead of training; 0: ranks load them; -1: one where images are varied or decoded.
  int loader_threads = -1;
  Stragglers stragglers = {};             ///< ranks of this run that are slowed down
  RateSchedule rate = {};                 ///< how the learning rate changes over the run; sgd.learning_rate is the highest
  std::optional<ModelValues> start = {};  ///< what to begin with, instead of what the seed gives
  std::optional<Checkpoint> resume = {};  ///< what to go on from, instead of beginning
  std::int64_t checkpoint_every = 0;      ///< steps from one checkpoint to the next, of local SGD whole rounds; 0: only after every epoch
  std::int64_t evaluate_every = 0;        ///< steps from one evaluation to the next, counted alike; 0: only after every epoch
  /// Stop after the evaluation that finds this share of the test images answered right.
  std::optional<double> until_accuracy = {};
  std::function<void(const Progress&)> on_progress = {};  ///< called by rank 0's compute thread after every step
  /// Called between steps, where rank 0 is: every checkpoint_every steps and after every epoch. Empty: no checkpoints are made.
  std::function<void(const Checkpoint&)> on_checkpoint = {};
  /// Called where rank 0 is after every epoch with all that are over, before its checkpoint.
  std::function<void(const std::vector<EpochResult>&)> on_epoch = {};
};

struct TrainResult {
  /// All of them, also from before the checkpoint, or those before the one that diverged. The last one is cut short where
  /// until_accuracy was reached in it.
  std::vector<EpochResult> epochs;
  std::vector<AccuracyPoint> curve;  ///< every evaluation since the start, or since the checkpoint
  std::string diverged;             ///< when a loss was not finite any more, a sentence that says so; "" otherwise
  Schedule schedule;                ///< of a full step
  Timeline timeline;                ///< of the full steps of the last epoch that ran, of its longest stretch without checkpoint
  StepTimes times;                  ///< of the same without its first steps, one to five; of no iterations when nothing was left to train
  ModelValues values;               ///< weights and running statistics of the whole model
};

/// Trains with plan.global_batch images a step, in an order that depends on seed and epoch only, never on the ranks. An epoch
/// uses every image once: the images that do not fill a batch are a shorter step with a schedule of its own, scaled so that
/// every image of a step weighs the same. After each epoch the test split is evaluated, divided over the ranks.
/// The same seed, plan and number of threads give the same weights bit by bit.
/// An epoch after which a loss is not finite ends the run and is left out of the result.
/// A run that goes on from a checkpoint comes to the same bits as if it had never stopped, given the same plan and threads; on
/// another plan it goes on with the same values, and its sums are rounded as that plan does.
/// Where servers do not wait for all workers, an evaluation makes workers wait for each other and gives all of them the servers'
/// weights; with every other plan the weights are the same however often there is one.
/// All processes of the transport call it with the same arguments; losses and accuracies come out everywhere, the timeline, its
/// times and the weights where rank 0 is.
/// Throws an InputError when a batch is larger than the training split, or processes do not agree about what to train, or
/// a checkpoint is of a run with other settings.
TrainResult train(const Model& model, const Plan& plan, const TrainingData& data, const TrainSettings& settings,
                  const Transport& transport);
/// The same on threads of this process.
TrainResult train(const Model& model, const Plan& plan, const TrainingData& data, const TrainSettings& settings);

/// Throws the InputError of train() about a batch that is too large.
void require_trainable(const Plan& plan, const TrainingData& data);

/// The order of `count` images in an epoch: a permutation that follows from the seed.
std::vector<std::int64_t> shuffled(std::int64_t count, std::uint64_t seed, int epoch);

/// Run options with which the compute threads of all ranks have `threads` OpenMP threads, on cores of their own when `bind`, and
/// flush denormals.
RunOptions run_options(int threads, bool bind);

}  // namespace convoy
