/// What people type about training: the options of convoy-train train.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "reference/apps/options.h"
#include "reference/io/straggler_options.h"
#include "reference/train/trainer.h"

namespace convoy {

/// What was typed, with the defaults of what was not; a field for each option. Words are as they were typed until settings_of().
struct TrainOptions {
  PlanOptions plan;
  std::string backend = "cpu";          ///< cpu or cuda
  std::string data = "fashion-mnist";   ///< a name, or a folder
  std::optional<std::int64_t> samples;  ///< training images of synthetic data
  int epochs = 1;
  std::int64_t steps = 0;  ///< of an epoch, at most; 0: no limit
  cpu::SgdSettings sgd = TrainSettings{}.sgd;
  std::string nesterov = "off";               ///< on or off
  double trust = TrainSettings{}.lars_trust;  ///< of LARS, a share of a tensor's norm
  std::optional<double> label_smoothing;      ///< a share, 0 to 1; nothing: as the network has it
  std::string augment = "none";               ///< none, or crop, flip, or both with a comma
  int crop_padding = Augmentation{}.crop_padding;  ///< pixels
  int loader_threads = -1;                         ///< as TrainSettings has it
  std::string schedule = "linear";                 ///< of the learning rate: constant, linear, cosine or step
  RateSchedule rate;                               ///< its epochs and factor
  std::string load, resume;                        ///< weights and checkpoint to begin with, files; "": none
  std::string checkpoint, save;                    ///< files to write, likewise
  std::int64_t checkpoint_every = 0;               ///< steps; 0: only after every epoch
  std::int64_t evaluate_every = 0;                 ///< steps, likewise
  std::string until_accuracy;                      ///< "85%" or "0.85"; "": train to the end
  std::string json, csv, curve, timeline;          ///< files for results; "": none
  StragglerWords stragglers;
};

/// Adds all options of `train` to a verb, below their headings; parsing writes to `options`, which must live as long as the verb.
void add_train_options(Verb& verb, TrainOptions& options);

/// Throws InputError for values out of range.
void check_options(const TrainOptions& options);
/// Throws InputError for an option that would change nothing.
void require_they_matter(const TrainOptions& options, const ScheduleChoice& choice);

/// What a run of so many ranks is told, as far as options alone say it. Throws InputError for words that are none.
TrainSettings settings_of(const TrainOptions& options, int ranks);

}  // namespace convoy
