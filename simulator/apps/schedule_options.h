/// The options that say what runs: model, plan, ranks, batch and how gradients are reduced. The same for every verb.
#pragma once

#include <string>

#include "reference/io/cli.h"
#include "reference/io/plan_options.h"

namespace convoy {

class ScheduleOptions {
 public:
  void add_to(Verb& verb);
  /// Throws InputError for what cannot be used, with the nearest word.
  [[nodiscard]] ScheduleChoice choice() const;
  [[nodiscard]] Mode mode() const;
  [[nodiscard]] const PlanWords& plan_words() const { return plan_; }

 private:
  ScheduleChoice choice_{.model = "lenet5", .plan = "data", .ranks = 2};
  PlanWords plan_;
  int batch_ = 0;           ///< 0: not given
  int batch_per_rank_ = 0;  ///< 0: not given
  std::string overlap_ = "on";
  std::string bucket_ = kDefaultBucket;
  std::string mode_ = "train";
  Option* batch_option_ = nullptr;
  Option* batch_per_rank_option_ = nullptr;
};

/// Throws InputError when --ranks is not from 1 to 2^20.
void require_rank_count(int ranks);

/// The schedule of a choice, and what all_reduce = auto became in it. A plan that makes no sense for the model is a mistake in
/// what was typed: InputError.
Schedule schedule_for(const ScheduleChoice& choice, Mode mode, std::vector<AutomaticChoice>* choices = nullptr);

/// The words of a command line that say which plan: "--plan hybrid --inside spatial --split 2 --ranks 4 --batch 64".
std::string plan_words(const ScheduleChoice& choice);

/// One line: "vgg16, plan data, 64 ranks, 2048 images a step (32 a rank), fp32".
std::string describe(const ScheduleChoice& choice);

}  // namespace convoy
