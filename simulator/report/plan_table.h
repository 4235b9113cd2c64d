/// What a plan makes of a network, as a table and as JSON: where tensors lie, what is communicated, and how many bytes it takes.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "reference/plans/plan.h"
#include "reference/plans/volume.h"

namespace convoy {

/// One node under a plan. Placements have a word for each axis but the batch axis: "Shard(rows) x Replicate".
struct PlanRow {
  std::string node;  ///< or "weights and gradients"
  std::string stage = "";  ///< of a pipeline: "1", or with several stages a rank "5, rank 1"; "" without one
  std::string rule;        ///< "batch x filter"
  std::string
      forward;  ///< "Replicate -> Shard(channels)": what is needed, what is made, and how it is handed on where that differs
  std::string backward;  ///< the same of the gradients: dy -> dx
  NodeVolume volume;
  std::int64_t weight_bytes = 0;  ///< that a rank has, most of any
};

/// One row a node, and a last one for what is sent of weights and gradients. An InputError names a node and what to do instead
/// when the plan cannot divide the model.
std::vector<PlanRow> plan_rows(const Model& model, const Plan& plan, const Schedule& schedule);

/// What all_reduce = auto became: {"op", "axis", "ranks", "bytes", "algorithm", "channels", "chunks", "time_s", "why"} of each
/// op.
nlohmann::ordered_json choices_json(const std::vector<AutomaticChoice>& choices);
/// The same for people, a line for each op; "" when nothing was to be chosen.
std::string choices_text(const std::vector<AutomaticChoice>& choices);

/// What a plan's pipeline became: {"ranks", "micro_batches", "order", "stages_per_rank", "cuts": nodes with which stages 1, 2, ...
/// begin}; null without one.
nlohmann::ordered_json pipeline_json(const Model& model, const Plan& plan);

std::string plan_table(const std::vector<PlanRow>& rows, const Schedule& schedule);
nlohmann::ordered_json plan_json(const std::vector<PlanRow>& rows, const Schedule& schedule);

/// The named plans and what they do.
std::string plans_table();
nlohmann::ordered_json plans_json();

}  // namespace convoy
