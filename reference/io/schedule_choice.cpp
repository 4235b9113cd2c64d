#include "reference/io/schedule_choice.h"

#include <algorithm>

#include "reference/core/error.h"
#include "reference/io/model_file.h"
#include "reference/io/plan_file.h"
#include "reference/plans/stages.h"

namespace convoy {
namespace {

void fill_pipeline(Plan& plan, const ScheduleChoice& choice) {
  const int axis = pipeline_axis(plan);
  if (axis < 0) return;
  const int ranks = plan.mesh.axes[static_cast<std::size_t>(axis)].extent;
  plan.pipeline = settings_of(choice.pipeline, plan.pipeline, ranks);
  const int shares = plan.batch_axis < 0 ? 1 : plan.mesh.axes[static_cast<std::size_t>(plan.batch_axis)].extent;
  if (const int images = plan.global_batch / shares; choice.pipeline.settings.micro_batches > std::max(1, images))
    throw InputError(cat("--micro-batches is ", choice.pipeline.settings.micro_batches, ", and a pipeline has ", images,
                         " images a step; use at most that many, or a larger --batch"));
}

/// What is wrong with a choice by itself.
void require_makes_sense(const ScheduleChoice& choice) {
  if (choice.ranks < 1) throw InputError(cat("the number of ranks is ", choice.ranks, ", expected 1 or more"));
  constexpr int most_ranks = 1 << 20;
  if (choice.ranks > most_ranks)
    throw InputError(cat("the number of ranks is ", choice.ranks, ", expected ", most_ranks, " or fewer"));
  if (choice.global_batch < 1) throw InputError(cat("the global batch is ", choice.global_batch, ", expected 1 or more"));
  if (choice.bucket_bytes < 1) throw InputError(cat("a bucket has ", choice.bucket_bytes, " bytes, expected 1 or more"));
  if (choice.chunks < 1) throw InputError(cat("the number of chunks is ", choice.chunks, ", expected 1 or more"));
  if (choice.channels < 0 || choice.channels > kMostPlanChannels)
    throw InputError(cat("the number of channels is ", choice.channels, ", expected 1 to ", kMostPlanChannels));
  if (choice.ranks_per_node < 0) throw InputError(cat("the ranks in a node are ", choice.ranks_per_node, ", expected 1 or more"));
  if (choice.all_reduce != kAutomatic)
    collective_algorithm(CollectiveKind::all_reduce, choice.all_reduce);
  else if (choice.chunks != 1 || choice.channels != 0)
    throw InputError(cat("all-reduce auto chooses channels and chunks too, so --", choice.chunks != 1 ? "chunks" : "channels",
                         " would change nothing; leave it out, or name an algorithm"));
  if (choice.gradient_dtype && size_bytes(*choice.gradient_dtype) != 2)
    throw InputError(cat("gradients are summed in f16, in bf16 or as they are, not in ", to_string(*choice.gradient_dtype)));
  if (choice.accumulate < 1) throw InputError(cat("images go through in ", choice.accumulate, " parts, expected 1 or more"));
}

}  // namespace

Plan plan_of(const ScheduleChoice& choice) {
  require_makes_sense(choice);
  Plan plan = choice.plan_yaml.empty() ? make_plan(choice.plan, {.ranks = choice.ranks,
                                                                 .global_batch = choice.global_batch,
                                                                 .split = choice.split,
                                                                 .inside = choice.inside,
                                                                 .scheme = choice.scheme,
                                                                 .servers = choice.servers,
                                                                 .zero = choice.zero,
                                                                 .local = choice.local,
                                                                 .pipeline = choice.pipeline.ranks})
                                       : parse_plan(choice.plan_yaml, "plan");
  if (plan.mesh.world_size() != choice.ranks)
    throw InputError(cat("plan '", plan.name, "' has a mesh of ", plan.mesh.world_size(), " ranks, not of ", choice.ranks));
  plan.global_batch = choice.global_batch;
  plan.scheme = choice.scheme;
  plan.gradient_dtype = choice.gradient_dtype;
  plan.synchronised_statistics = choice.synchronised_statistics;
  plan.accumulate = choice.accumulate;
  plan.optimiser = choice.optimiser;
  if (choice.zero != 0) plan.zero = choice.zero;
  if (choice.local.steps > 0) plan.local = choice.local;
  if (choice.compression.method != "none") plan.compression = choice.compression;
  fill_pipeline(plan, choice);
  plan.overlap = choice.overlap;
  plan.bucket_bytes = choice.bucket_bytes;
  plan.all_reduce = choice.all_reduce;
  plan.chunks = choice.chunks;
  plan.channels = choice.channels;
  plan.ranks_per_node = choice.ranks_per_node;
  plan.machine = choice.machine;
  plan.precision = choice.precision;
  plan.fusion = choice.fusion;
  plan.layout = choice.layout;
  return plan;
}

int working_ranks(const ScheduleChoice& choice) {
  return choice.ranks - (choice.servers.own_ranks ? std::min(choice.servers.count, choice.ranks - 1) : 0);
}

Model model_of(const ScheduleChoice& choice) { return model_for(load_model(choice.model).model, plan_of(choice)); }

void decide(ScheduleChoice& choice, Fusion fusion, ActivationLayout layout) {
  if (choice.fusion == Fusion::automatic) choice.fusion = fusion;
  if (choice.layout == ActivationLayout::automatic) choice.layout = layout;
}

void know_machine(ScheduleChoice& choice, const GroupTopology& machine) {
  if (choice.ranks_per_node == 0) choice.ranks_per_node = machine.ranks_per_node;
  if (choice.all_reduce != kAutomatic || choice.machine) return;
  choice.machine = machine;
  choice.machine->ranks_per_node = choice.ranks_per_node;
}

Schedule schedule_of(const ScheduleChoice& choice, Mode mode) { return make_schedule(model_of(choice), plan_of(choice), mode); }

}  // namespace convoy
