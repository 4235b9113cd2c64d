/// Trainer: a training run that is going on. Internal to train().
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "reference/data/loader.h"
#include "reference/exec/memory.h"
#include "reference/train/cpu_compute.h"
#include "reference/train/trainer.h"

namespace convoy {

/// One memory for each rank of this process, on which the schedules of full, short and evaluation steps run in turn.
class Trainer {
 public:
  Trainer(const Model& model, const Plan& plan, const TrainingData& data, const TrainSettings& settings,
          const Transport& transport);

  TrainResult run();

 private:
  // trainer.cpp: epochs, steps and evaluation
  /// "" while both losses are finite.
  [[nodiscard]] std::string divergence(const EpochResult& row) const;
  /// The rest of the epoch that is going on, and the evaluation after it.
  EpochResult train_epoch();
  void end_epoch(const EpochResult& row);
  /// The run is over in the middle of an epoch. What its checkpoint says can go on.
  void cut_epoch(const EpochResult& row);
  /// Runs steps of one schedule; keeps the timeline of the longest stretch of full steps.
  void run_steps(const Schedule& schedule, std::int64_t steps);
  /// Runs steps while a loader, if there is one, prepares their images. A device runs the first step of each schedule op by op, once.
  Timeline run_loaded(const Schedule& schedule, std::int64_t steps, CpuCompute& compute, RunOptions options);
  /// What the ranks of this process load in a number of steps.
  [[nodiscard]] LoadOrder order_of(const Schedule& schedule, std::int64_t steps, const ComputeSettings& compute) const;
  void report_progress(const Schedule& schedule, std::int64_t step, double time_s);
  /// Runs the test split through the network, a global batch at a time: one more point of the curve.
  AccuracyPoint evaluate();
  /// Seconds of training since the start of the run.
  [[nodiscard]] double training_time_s() const;
  /// Whether settings_.until_accuracy has been reached.
  [[nodiscard]] bool is_good_enough() const;
  /// Loss and correct answers of all ranks.
  [[nodiscard]] cpu::Loss totals_of(const CpuCompute& compute) const;

  // A step is here what an iteration of a schedule does: of local SGD a round of several steps with an update on every rank.
  [[nodiscard]] std::int64_t batch() const { return images_of_iteration(plan_); }
  [[nodiscard]] std::int64_t images_of_epoch() const;
  /// Steps of an epoch with a whole batch, and images of the short step that follows (0: there is none).
  [[nodiscard]] std::int64_t full_steps() const { return images_of_epoch() / batch(); }
  [[nodiscard]] std::int64_t short_batch() const { return images_of_epoch() % batch(); }
  /// Steps from here to the next checkpoint or evaluation, or to the end of the full steps.
  [[nodiscard]] std::int64_t stretch() const;
  /// Whether it is time for what is done every so many updates; 0: never.
  [[nodiscard]] bool is_time(std::int64_t every) const { return every > 0 && step_ % iterations_of(every) == 0; }
  /// The same as people count steps, by updates of a rank.
  [[nodiscard]] std::int64_t updates_of_step() const { return steps_of_iteration(schedule_); }
  [[nodiscard]] std::int64_t updates_of_epoch() const {
    return (images_of_epoch() + plan_.global_batch - 1) / plan_.global_batch;
  }
  [[nodiscard]] std::int64_t updates_so_far() const;
  /// Iterations in which a rank makes at least so many updates.
  [[nodiscard]] std::int64_t iterations_of(std::int64_t updates) const {
    return (updates + updates_of_step() - 1) / updates_of_step();
  }
  [[nodiscard]] std::int64_t steps_per_epoch() const { return full_steps() + (short_batch() > 0 ? 1 : 0); }

  // training_settings.cpp: what was chosen, for kernels and schedules and for whoever goes on
  [[nodiscard]] Schedule schedule_of_batch(std::int64_t images, Mode mode) const;
  [[nodiscard]] ComputeSettings compute_settings(Mode mode) const;
  [[nodiscard]] cpu::SgdSettings sgd_at(std::int64_t step) const;
  /// All that the weights depend on besides the plan and its ranks.
  [[nodiscard]] DecidingSettings deciding_settings() const;
  /// The same as a text, with what processes must agree about as well.
  [[nodiscard]] std::string text_of_settings() const;
  void bind_memories();
  void make_loaders();

  // training_state.cpp: weights and all else that a run consists of, in and out
  void set_values(const ModelValues& full);
  void go_on_from(const Checkpoint& checkpoint);
  /// What every rank holds in a buffer, where rank 0 is: place(rank, values). From the last rank to the first, since running
  /// statistics, and weights that only the root keeps up to date, are those of the first.
  template <class Place>
  void collect(const char* buffer, const Place& place) const;
  /// The values of the whole model, put together from all ranks; empty where rank 0 is not.
  [[nodiscard]] ModelValues values() const;
  /// Values of all learned tensors, of buffers of ranks and those of servers, which count. Empty where rank 0 is not.
  template <class Place>
  [[nodiscard]] std::vector<double> collected(const char* buffer, const char* served, const Place& place) const;
  /// What each of the first `ranks` ranks holds in a buffer; empty where rank 0 is not.
  [[nodiscard]] std::vector<std::vector<double>> of_each_rank(const char* buffer, int ranks) const;
  /// Where workers do not wait for each other, each has weights of its own when a run is over; all get those of the servers.
  void hand_out_weights();
  /// Puts together where the run is, and hands it over where rank 0 is.
  void save_checkpoint();
  /// Whether workers keep what compression has left behind; a rank on its own, without servers, sends everything.
  [[nodiscard]] bool leaves_behind() const;
  /// Gives every worker back what it had left behind. With another number of them, the first has what all had: what will be added
  /// to the weights of that is the same.
  void set_compression_errors(const std::vector<std::vector<double>>& errors);
  /// Whether ranks do not share their momentum: local SGD with LocalMomentum::keep.
  [[nodiscard]] bool keeps_own_momentum() const;
  /// Gives every rank back its momentum; with another number of them, each gets the mean, by images.
  void set_own_momenta(const Checkpoint& checkpoint);

  const Model& model_;
  const Plan& plan_;
  const TrainingData& data_;
  const TrainSettings& settings_;
  const Transport& transport_;
  Schedule schedule_;
  std::vector<RankMemory> memories_;  ///< of the ranks of this process
  CpuCompute training_;
  CpuCompute evaluation_;
  std::unique_ptr<BatchLoader> training_loader_, evaluation_loader_;  ///< null: ranks load by themselves
  Timeline timeline_{.clock = "steady"};
  std::int64_t timed_steps_ = 0;  ///< in timeline_
  std::set<std::pair<const CpuCompute*, std::int64_t>> have_run_;  ///< schedules, by what computes them and images
  int epoch_ = 0;                 ///< that is going on
  std::int64_t step_ = 0;         ///< done since the start of the run
  std::int64_t step_in_epoch_ = 0;
  std::vector<EpochResult> done_;
  std::vector<AccuracyPoint> curve_;
  struct EpochSoFar {
    double time_s = 0, wait_s = 0;
  } before_;  ///< of the epoch so far
};

}  // namespace convoy
