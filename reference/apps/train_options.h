/// What people type about training: the options of convoy-train train.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "reference/apps/options.h"
#include "reference/io/straggler_options.h"
#include "reference/train/trainer.h"

namespace convoy {

struct TrainOptions {
  PlanOptions plan;
  std::string backend = "cpu";
  std::string data = "fashion-mnist";
  std::optional<std::int64_t> samples;  ///< of synthetic data
  int epochs = 1;
  std::int64_t steps = 0;
  cpu::SgdSettings sgd = TrainSettings{}.sgd;
  std::string nesterov = "off";
  double trust = TrainSettings{}.lars_trust;
  std::optional<double> label_smoothing;
  std::string augment = "none";
  int crop_padding = Augmentation{}.crop_padding;
  int loader_threads = -1;
  std::string schedule = "linear";
  RateSchedule rate;
  std::string load;
  std::string resume;
  std::string checkpoint;
  std::int64_t checkpoint_every = 0;
  std::int64_t evaluate_every = 0;
  std::string until_accuracy;
  std::string save;
  std::string json;
  std::string csv;
  std::string curve;
  std::string timeline;
  StragglerWords stragglers;
};

void add_train_options(Verb& verb, TrainOptions& options);

/// Throws InputError for values out of range.
void check_options(const TrainOptions& options);
/// Throws InputError for an option that would change nothing.
void require_they_matter(const TrainOptions& options, const ScheduleChoice& choice);

/// What a run of so many ranks is told, as far as options alone say it. Throws InputError for words that are none.
TrainSettings settings_of(const TrainOptions& options, int ranks);

}  // namespace convoy
