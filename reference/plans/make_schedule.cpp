#include <algorithm>
#include <limits>
#include <map>

#include "reference/core/error.h"
#include "reference/plans/compressed_schedule.h"
#include "reference/plans/local_schedule.h"
#include "reference/plans/plan.h"
#include "reference/plans/served_schedule.h"
#include "reference/plans/sharded_schedule.h"
#include "reference/plans/stages.h"
#include "reference/plans/step_writer.h"

namespace convoy {
namespace {

void check_plan(const Plan& plan) {
  require(!plan.mesh.axes.empty() && plan.mesh.world_size() >= 1, "make_schedule", "the mesh has no ranks");
  for (const Axis& axis : plan.mesh.axes)
    require(axis.extent >= 1, "make_schedule", "axis '", axis.name, "' has extent ", axis.extent);
  require(plan.batch_axis >= -1 && plan.batch_axis < static_cast<int>(plan.mesh.axes.size()), "make_schedule", "batch axis ",
          plan.batch_axis, " is not an axis of the mesh");
  require(plan.global_batch >= 1, "make_schedule", "the batch must have at least one image, got ", plan.global_batch);
  require(plan.bucket_bytes >= 1, "make_schedule", "buckets must hold at least one byte, got ", plan.bucket_bytes);
  require(plan.chunks >= 1, "make_schedule", "at least one chunk is needed, got ", plan.chunks);
  require(plan.channels >= 0 && plan.ranks_per_node >= 0, "make_schedule", plan.channels, " channels, ", plan.ranks_per_node,
          " ranks in a node");
  require(plan.accumulate >= 1, "make_schedule", "the images of a rank go through in at least one part, got ", plan.accumulate);
  require(!plan.gradient_dtype || size_bytes(*plan.gradient_dtype) == 2, "make_schedule",
          "gradients are summed in f16, in bf16 or as they are");
  for (const std::string& strategy : plan.strategies)
    if (strategy == "parameter_server" && plan.servers.count < 1)
      throw InputError(
          "the strategy 'parameter_server' needs servers; add for example servers: {count: 1}, or write strategy: data");
  require(!plan.at_root || plan.batch_axis == -1, "make_schedule", "a plan with everything at rank 0 has no batch axis");
}

/// The rules of the batch axis cannot be changed: it divides the images before everything else.
void check_batch_axis(const Plan& plan, const std::vector<std::vector<Rule>>& rules) {
  if (plan.batch_axis < 0 || plan.mesh.axes[static_cast<std::size_t>(plan.batch_axis)].extent == 1) return;
  for (const std::vector<Rule>& node : rules)
    if (node[static_cast<std::size_t>(plan.batch_axis)] != Rule::batch)
      throw InputError(cat("axis '", plan.mesh.axes[static_cast<std::size_t>(plan.batch_axis)].name,
                           "' divides the whole step by images, so every node has the rule 'batch' on it; use another axis for '",
                           to_string(node[static_cast<std::size_t>(plan.batch_axis)]), "'"));
}

/// A pipeline has one axis of its own, on which a node is at one rank.
void check_pipeline(const Plan& plan, const std::vector<std::vector<Rule>>& rules) {
  const int axis = pipeline_axis(plan);
  if (axis < 0) return;
  const std::string& name = plan.mesh.axes[static_cast<std::size_t>(axis)].name;
  const PipelineShape shape = pipeline_shape(plan);
  require(shape.stages_per_rank >= 1 && shape.micro_batches >= 1, "make_schedule", "a pipeline with ", shape.stages_per_rank,
          " stages a rank and ", shape.micro_batches, " micro-batches");
  if (std::count(plan.strategies.begin(), plan.strategies.end(), "pipeline") > 1)
    throw InputError("the plan has two axes with the strategy 'pipeline'; give one of them another");
  if (axis == plan.batch_axis)
    throw InputError(cat("axis '", name, "' is a pipeline and cannot divide the batch; use batch_axis: none, or another axis"));
  if (plan.at_root)
    throw InputError("a pipeline has its weights at the ranks of their stages, and at_root at rank 0; use at_root: off");
  if (plan.accumulate > 1)
    throw InputError(
        cat("a pipeline divides the images into micro-batches and accumulates their gradients already; use --accumulate 1 "
            "and more --micro-batches (now ",
            shape.micro_batches, ")"));
  for (const std::vector<Rule>& node : rules)
    if (node[static_cast<std::size_t>(axis)] != Rule::replicate)
      throw InputError(cat("axis '", name, "' is a pipeline, on which nothing is divided; use another axis for the rule '",
                           to_string(node[static_cast<std::size_t>(axis)]), "'"));
  for (const int stage : plan.pipeline.recompute)
    if (stage < 0 || stage >= shape.stages())
      throw InputError(cat("stage ", stage, " is to be recomputed, and there are stages 0 to ", shape.stages() - 1));
  (void)table_of(plan.pipeline, shape.ranks);  // what is wrong with the order is told now
}

/// What makes ranks run the same program: the number of images in their share, and their coordinates on all other axes.
std::vector<int> class_key(const Schedule& schedule, int rank) {
  std::vector<int> key = {static_cast<int>(schedule.samples(rank).count)};
  for (int axis = 0; axis < static_cast<int>(schedule.mesh.axes.size()); ++axis)
    key.push_back(axis == schedule.batch_axis ? 0 : schedule.mesh.coordinate(rank, axis));
  return key;
}

/// Evaluation under local SGD, when all ranks have the same weights, is that of plan `data`.
Plan without_local_steps(Plan plan) {
  if (plan.local.images > 0) plan.global_batch = plan.local.images;
  plan.local = {};
  return plan;
}

/// For plans that sum gradients by other means than an all-reduce.
void refuse_algorithm(const Plan& plan, const std::string& because) {
  const Plan usual;
  if (plan.all_reduce != usual.all_reduce || plan.channels != usual.channels)
    throw InputError(cat(because, ", so --all-reduce and --channels would change nothing; leave them out"));
}

/// Of plans in which every rank does its part of what rules and layouts say.
void add_programs(Schedule& schedule, const Model& model, const Plan& plan, Mode mode) {
  schedule.class_of.resize(static_cast<std::size_t>(plan.mesh.world_size()));
  std::map<std::vector<int>, int> classes;
  for (int r = 0; r < schedule.world_size(); ++r) {
    const std::vector<int> key = class_key(schedule, r);
    const auto [found, fresh] = classes.try_emplace(key, static_cast<int>(schedule.programs.size()));
    if (fresh) schedule.programs.push_back(StepWriter(model, plan, mode, key.front(), {key.begin() + 1, key.end()}).write());
    schedule.class_of[static_cast<std::size_t>(r)] = found->second;
  }
}

/// Whether something else stands in place of the all-reduce of plan `data`.
bool replaces_all_reduce(const Plan& plan) {
  return plan.servers.count > 0 || plan.zero != 0 || plan.compression.method != "none";
}

void add_programs_without_all_reduce(Schedule& schedule, const Model& model, const Plan& plan, Mode mode) {
  if (plan.servers.count > 0) {
    refuse_algorithm(plan, "parameter servers sum gradients as they come");
    add_served_programs(schedule, model, plan, mode);
  } else if (plan.zero != 0) {
    refuse_algorithm(plan, cat("--zero ", plan.zero, " sums gradients by a ring reduce-scatter"));
    add_sharded_programs(schedule, model, plan, mode);
  } else {
    refuse_algorithm(plan, "compressed gradients cannot be added on the way: all ranks get them by a ring all-gather");
    add_compressed_programs(schedule, model, plan, mode);
  }
}

/// Gradients may be too few, or nodes too uneven, for an algorithm.
void require_possible(const Schedule& schedule) {
  for (const Program& program : schedule.programs)
    for (const Op& op : program.ops)
      if (const auto* collective = std::get_if<Collective>(&op.action)) {
        const CollectiveAlgorithm& algorithm = collective_algorithm(collective->kind, collective->algorithm);
        const std::string reason = why_not(algorithm, request_of(schedule, 0, *collective));
        if (!reason.empty())
          throw InputError(cat(algorithm.name, " cannot do ", op.name, ": ", reason, "; take another algorithm, or auto"));
      }
}

}  // namespace

Schedule make_schedule(const Model& model, const Plan& plan, Mode mode, std::vector<AutomaticChoice>* choices) {
  check(model);
  check_plan(plan);
  if (plan.local.steps > 0 && mode == Mode::evaluate) return make_schedule(model, without_local_steps(plan), mode, choices);
  const std::vector<std::vector<Rule>> rules = rules_of(model, plan);
  check_batch_axis(plan, rules);
  check_pipeline(plan, rules);
  if (plan.all_reduce != kAutomatic)
    (void)collective_algorithm(CollectiveKind::all_reduce, plan.all_reduce);  // a misspelt name is told now
  Schedule schedule;
  schedule.model = model.name;
  schedule.plan = plan.name;
  schedule.mode = mode == Mode::train ? "train" : "evaluate";
  schedule.precision = plan.precision;
  require(images_of_iteration(plan) <= std::numeric_limits<int>::max(), "make_schedule", images_of_iteration(plan), " images");
  schedule.global_batch = static_cast<int>(images_of_iteration(plan));
  schedule.batch_axis = plan.batch_axis;
  schedule.mesh = plan.mesh;
  if (plan.local.steps > 0) {
    add_local_programs(schedule, model, plan);
  } else if (replaces_all_reduce(plan)) {
    add_programs_without_all_reduce(schedule, model, plan, mode);
    return schedule;
  } else {
    add_programs(schedule, model, plan, mode);
  }
  std::vector<AutomaticChoice> chosen = choose_collectives(schedule, plan.machine);
  if (choices != nullptr) *choices = std::move(chosen);
  require_possible(schedule);
  return schedule;
}

}  // namespace convoy
