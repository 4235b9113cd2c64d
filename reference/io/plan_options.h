/// The options that choose a plan, the same words on every verb of every program.
#pragma once

#include <string>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/io/plan_file.h"
#include "reference/io/report.h"

namespace convoy {

/// Headings below which the help of every verb has the options of a step.
inline constexpr const char* kStepHeading = "The step";
inline constexpr const char* kPlanHeading = "The plan: how ranks divide the step";
inline constexpr const char* kGradientsHeading = "Gradients, and their sum over ranks";
inline constexpr const char* kServersHeading = "Parameter servers (--plan parameter_server)";
inline constexpr const char* kPipelineHeading = "Pipelines (--plan pipeline, or --plan hybrid --pipeline N)";

/// Names of a table's rows: "lenet5, resnet20, vgg16".
template <class Rows>
std::string listed_names(const Rows& rows) {
  std::string names;
  for (const auto& row : rows) names += cat(names.empty() ? "" : ", ", row.name);
  return names;
}

/// The help of --model.
std::string model_help();

/// The help of --all-reduce.
std::string all_reduce_help();

class PlanWords {
 public:
  /// --plan --split --inside --scheme --gradients --statistics --fusion --layout --accumulate --optimiser --channels
  /// --ranks-per-node --zero --servers --servers-on --server-mode --accept --bound; of pipelines --pipeline --micro-batches
  /// --order --stages --stages-per-rank --recompute; of compression --compress --keep; of local SGD --local-steps
  /// --local-momentum.
  void add_to(Verb& verb);

  /// Fills in the plan, when one is read from a file with all settings that were not typed, ranks and batch among them.
  /// Call it first, and set what was typed after it. Throws an InputError for what cannot be used, with the nearest word.
  void fill(ScheduleChoice& choice) const;
  /// Throws an InputError for an option that changes nothing when a choice is evaluated, which only goes forward.
  void require_they_matter_in_evaluation(const ScheduleChoice& choice) const;
  /// Throws an InputError when an algorithm of collectives was typed, or its settings: --collectives library chooses by itself.
  void require_library_may_choose() const;
  /// Whether the plan is read from a file.
  [[nodiscard]] bool from_file() const { return is_plan_file(plan_); }
  /// The plan of the file.
  [[nodiscard]] Plan read() const { return parse_plan(read_file(plan_), plan_); }
  /// What was typed about a pipeline.
  [[nodiscard]] const PipelineText& pipeline() const { return pipeline_; }
  /// Whether the option was typed, of those of the verb.
  [[nodiscard]] bool typed(const std::string& option) const;

 private:
  void add_pipeline_to(Verb& verb);

  /// Over what a plan file says.
  void fill_pipeline(ScheduleChoice& choice) const;

  /// Whether any axis of what was typed is a pipeline.
  [[nodiscard]] bool has_pipeline() const;

  [[nodiscard]] std::optional<DType> gradient_dtype() const;

  [[nodiscard]] int zero() const;

  /// Over what a plan file says.
  void fill_local(ScheduleChoice& choice) const;

  [[nodiscard]] PlanServers servers() const;

  /// An option that would change nothing is a mistake.
  void require_they_matter(const ScheduleChoice& choice) const;

  void fill_from_file(ScheduleChoice& choice) const;

  const Verb* verb_ = nullptr;
  std::string plan_ = "data";
  int split_ = 0;
  std::string inside_ = "filter";
  std::string scheme_ = "a";
  std::string gradients_ = "f32";
  std::string statistics_ = "local";
  std::string fusion_ = "auto";
  std::string layout_ = "auto";
  int accumulate_ = 1;
  int local_steps_ = 0;
  std::string local_momentum_ = "average";
  std::string optimiser_ = "sgd";
  int channels_ = 0;
  int ranks_per_node_ = 0;
  PlanServers servers_ = {.count = 1};
  std::string servers_on_ = "workers";
  int zero_ = 0;
  PipelineText pipeline_;
  int pipeline_ranks_ = 1;
  Compression compression_;
};

}  // namespace convoy
