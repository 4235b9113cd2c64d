/// ScheduleChoice: what a person chooses about a step, and the plan and the schedule that follow.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "reference/io/pipeline_words.h"
#include "reference/plans/plan.h"

namespace convoy {

/// What every verb takes when nothing was typed: images of a step on each rank, ranks, and bytes of gradients reduced together.
inline constexpr int kDefaultBatchPerRank = 32;
inline constexpr int kDefaultRanks = 2;
inline constexpr const char* kDefaultBucket = "25MiB";

/// Enough to make the same schedule again.
struct ScheduleChoice {
  std::string model = "lenet5";
  std::string plan = "data";  ///< the name of a named plan, or that of the plan in `plan_yaml`
  int ranks = 1;
  int global_batch = 1;
  bool overlap = true;
  std::int64_t bucket_bytes = 25 * 1024 * 1024;
  std::string all_reduce = "ring";
  int chunks = 1;
  std::string precision = "fp32";
  int split = 0;                              ///< hybrid: ranks of the inner axis; 0: two
  std::string inside = "filter";              ///< hybrid: the plan of the inner axis
  ExchangeScheme scheme = ExchangeScheme::a;  ///< one_weird_trick
  std::optional<DType> gradient_dtype = {};   ///< in which gradients are summed, when not as they are
  bool synchronised_statistics = false;       ///< BatchNorm2d
  Fusion fusion = Fusion::automatic;          ///< whether layers were fused; automatic only before it is decided
  ActivationLayout layout = ActivationLayout::automatic;
  int accumulate = 1;  ///< parts of every rank's images that go through one after the other
  Optimiser optimiser = Optimiser::sgd;
  int channels = 0;                           ///< of all_reduce; 0: as many as the algorithm usually has
  int ranks_per_node = 0;                     ///< consecutive ranks that share one; 0: unknown
  std::optional<GroupTopology> machine = {};  ///< for which all_reduce = auto chooses
  PlanServers servers = {};                   ///< parameter_server
  Compression compression = {};               ///< data
  int zero = 0;                               ///< data, sharded_optimizer: stage of ZeRO
  PlanLocal local = {};                       ///< local_sgd; global_batch are the images of one of its steps
  PipelineChoice pipeline = {};               ///< of plans with a pipeline
  std::string plan_yaml = "";                 ///< a plan that was read from a file, as to_yaml(plan) writes it; "": a named plan
  friend bool operator==(const ScheduleChoice&, const ScheduleChoice&) = default;
};
/// The plan and the schedule of a choice. An InputError names what is unknown or out of range.
Plan plan_of(const ScheduleChoice& choice);
/// Ranks that have images: all but servers on ranks of their own.
int working_ranks(const ScheduleChoice& choice);
/// The model of a choice, fused if it says so: what its schedules are of.
Model model_of(const ScheduleChoice& choice);
Schedule schedule_of(const ScheduleChoice& choice, Mode mode = Mode::train);

/// What is automatic in a choice becomes this.
void decide(ScheduleChoice& choice, Fusion fusion, ActivationLayout layout);
/// What a choice leaves open about the machine becomes this: ranks in a node, and what auto chooses for.
void know_machine(ScheduleChoice& choice, const GroupTopology& machine);

}  // namespace convoy
