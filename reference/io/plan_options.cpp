#include "reference/io/plan_options.h"

#include <utility>

#include "reference/io/ignored_option.h"
#include "reference/model/zoo.h"
#include "reference/plans/stages.h"

namespace convoy {

std::string model_help() {
  return cat("Network, NAME@CxHxW for other images, NAME/N for N classes, or FILE.onnx. Names: ", listed_names(zoo()));
}

std::string all_reduce_help() {
  std::string names;
  for (const CollectiveAlgorithm& row : collective_algorithms())
    if (row.kind == CollectiveKind::all_reduce) names += cat(row.name, ", ");
  return cat("Algorithm that sums gradients: ", names, "or auto, which chooses for every bucket by size and machine");
}

void PlanWords::add_to(Verb& verb) {
  verb_ = &verb;
  verb.begin_group(kPlanHeading);
  verb.add_option("--plan", plan_,
                  cat("How a step is spread over ranks: a file (.yaml), or ", listed_names(named_plans()),
                      "; 'convoy plan list' explains them"))
      ->capture_default_str()
      ->type_name("NAME|FILE");
  verb.add_option("--split", split_, "Ranks that divide the network among them, of --plan hybrid [2]")->type_name("N");
  verb.add_option("--inside", inside_, "Plan of those ranks, of --plan hybrid")->capture_default_str()->type_name("NAME");
  verb.add_option("--scheme", scheme_, "When --plan one_weird_trick hands over: a at once, b rank by rank, c in equal parts")
      ->capture_default_str()
      ->type_name("a|b|c");
  verb.begin_group(kGradientsHeading);
  verb.add_option("--gradients", gradients_, "In which gradients are summed over ranks: f32, f16 or bf16")
      ->capture_default_str()
      ->type_name("TYPE");
  verb.begin_group(kPlanHeading);
  verb.add_option("--statistics", statistics_,
                  "BatchNorm2d's: local (over the images of each rank) or synchronised (over all ranks); micro-batches of a "
                  "pipeline and parts of --accumulate each by itself")
      ->capture_default_str()
      ->type_name("WORD");
  verb.add_option("--fusion", fusion_,
                  "on: layers that one kernel computes in one go become one node; off: as written; auto: on for real runs and "
                  "their profiles")
      ->capture_default_str()
      ->type_name("auto|on|off");
  verb.add_option(
          "--layout", layout_,
          "How activations lie in memory: nchw, or blocked (sixteen channels of a pixel together); auto: blocked for real "
          "runs and their profiles")
      ->capture_default_str()
      ->type_name("auto|nchw|blocked");
  verb.add_option("--accumulate", accumulate_,
                  "Parts of each rank's images that go through one after the other, into one gradient")
      ->capture_default_str()
      ->type_name("N");
  verb.begin_group(kGradientsHeading);
  verb.add_option(
          "--compress", compression_.method,
          "--plan data or parameter_server (pushes): none; top_k (the largest gradients only, the others stay for later steps: "
          "--keep); int8 (8 bits each)")
      ->capture_default_str()
      ->type_name("WORD");
  verb.add_option("--keep", compression_.keep, "--compress top_k: the share of gradients that is sent")
      ->capture_default_str()
      ->type_name("SHARE");
  verb.begin_group(kPlanHeading);
  verb.add_option("--zero", zero_,
                  "--plan data or sharded_optimizer: what ranks divide among them. 1: momentum; 2: gradients too; 3: weights too")
      ->type_name("STAGE");
  verb.add_option(
          "--local-steps", local_steps_,
          "--plan local_sgd: steps (of --batch images each) that every rank makes by itself before weights are averaged [4]")
      ->type_name("H");
  verb.add_option(
          "--local-momentum", local_momentum_,
          "--plan local_sgd: average (momentum is averaged as weights are), restart (it begins with 0 in every round) or keep "
          "(every rank goes on with its own, as PyTorch's PostLocalSGDOptimizer does)")
      ->capture_default_str()
      ->type_name("WORD");
  verb.begin_group(kServersHeading);
  verb.add_option("--servers", servers_.count, "Servers among which weights are divided, of --plan parameter_server")
      ->capture_default_str()
      ->type_name("N");
  verb.add_option("--servers-on", servers_on_,
                  "workers: servers share ranks with workers; own: the last of the --ranks only serve; hosts: and are, where a "
                  "cluster is simulated, the processors of its nodes")
      ->capture_default_str()
      ->type_name("WORD");
  verb.add_option("--server-mode", servers_.mode,
                  cat("What servers do with pushes: ", listed_names(serve_modes()), "; see --accept and --bound"))
      ->capture_default_str()
      ->type_name("MODE");
  verb.add_option("--accept", servers_.accept, "--server-mode backup: the first so many pushes of an iteration make an update")
      ->type_name("K");
  verb.add_option("--bound", servers_.bound, "--server-mode ssp: iterations that a worker may be ahead of the slowest [0]")
      ->type_name("S");
  verb.begin_group(kGradientsHeading);
  verb.add_option("--optimiser", optimiser_, "sgd, or lars: a rate for every weight tensor, by its norm and its gradient's")
      ->capture_default_str()
      ->type_name("NAME");
  verb.add_option("--channels", channels_,
                  "Channels of the algorithm that sums gradients, at the same time [as many as it usually has]")
      ->type_name("N");
  verb.add_option("--ranks-per-node", ranks_per_node_,
                  "Consecutive ranks that algorithms take for one node [as the cluster, or MPI, has them]")
      ->type_name("N");
  add_pipeline_to(verb);
}

void PlanWords::fill(ScheduleChoice& choice) const {
  choice.plan = plan_;
  if (is_plan_file(plan_)) fill_from_file(choice);
  if (typed("--split")) {
    if (split_ < 1) throw InputError(cat("--split is ", split_, "; write 1 or more ranks"));
    choice.split = split_;
  }
  choice.inside = named_plan(inside_).name;
  if (typed("--scheme") || choice.plan_yaml.empty()) choice.scheme = parse_exchange_scheme(scheme_);
  if (typed("--gradients") || choice.plan_yaml.empty()) choice.gradient_dtype = gradient_dtype();
  if (typed("--statistics") || choice.plan_yaml.empty()) choice.synchronised_statistics = parse_statistics(statistics_);
  if (typed("--fusion") || choice.plan_yaml.empty()) choice.fusion = parse_fusion(fusion_);
  if (typed("--layout") || choice.plan_yaml.empty()) choice.layout = parse_activation_layout(layout_);
  if (accumulate_ < 1) throw InputError(cat("--accumulate is ", accumulate_, "; write 1 or more parts"));
  if (typed("--accumulate") || choice.plan_yaml.empty()) choice.accumulate = accumulate_;
  if (typed("--optimiser") || choice.plan_yaml.empty()) choice.optimiser = parse_optimiser(optimiser_);
  if (typed("--channels") && channels_ < 1) throw InputError(cat("--channels is ", channels_, "; write 1 or more"));
  if (typed("--ranks-per-node") && ranks_per_node_ < 1)
    throw InputError(cat("--ranks-per-node is ", ranks_per_node_, "; write 1 or more"));
  if (typed("--channels")) choice.channels = channels_;
  if (typed("--ranks-per-node")) choice.ranks_per_node = ranks_per_node_;
  if (choice.plan_yaml.empty() && plan_ == "parameter_server") choice.servers = servers();
  if (typed("--zero")) choice.zero = zero();
  fill_local(choice);
  if (typed("--compress")) choice.compression.method = compression_method(compression_.method);
  if (typed("--keep")) {
    if (choice.compression.method != "top_k") throw IgnoredOption("--keep", "here; it is for --compress top_k");
    choice.compression.keep = compression_.keep;
  }
  fill_pipeline(choice);
  require_they_matter(choice);
}

bool PlanWords::typed(const std::string& option) const {
  const Option* found = verb_ == nullptr ? nullptr : verb_->get_option_no_throw(option);
  return found != nullptr && found->count() > 0;
}

void PlanWords::add_pipeline_to(Verb& verb) {
  verb.begin_group(kPipelineHeading);
  verb.add_option("--pipeline", pipeline_ranks_, "Ranks in a row of pipelines, between data and --inside, of --plan hybrid [1]")
      ->type_name("N");
  verb.add_option("--micro-batches", pipeline_.micro_batches,
                  "Parts in which a pipeline's images go through it [twice as many as it has ranks]")
      ->type_name("N");
  verb.add_option("--order", pipeline_.order,
                  cat("Who does what when in a pipeline: ", listed_names(pipeline_orders()),
                      ", or a file with a line for each rank, F0 F1 B0 B1 [1f1b]"))
      ->type_name("NAME|FILE");
  verb.add_option("--stages", pipeline_.stages,
                  "Nodes with which the second stage of a pipeline and those after it begin, as conv2,fc1 [cut by cost]")
      ->type_name("NODES");
  verb.add_option("--stages-per-rank", pipeline_.stages_per_rank, "Stages of a pipeline on each rank, of --order interleaved [2]")
      ->type_name("N");
  verb.add_option(
          "--recompute", pipeline_.recompute,
          "Stages of a pipeline that keep only what they read and go forward again before backward: none, all or 0,1 [none]")
      ->type_name("STAGES");
}

void PlanWords::fill_pipeline(ScheduleChoice& choice) const {
  for (const auto& [option, value] :
       {std::pair{"--micro-batches", pipeline_.micro_batches}, std::pair{"--stages-per-rank", pipeline_.stages_per_rank},
        std::pair{"--pipeline", pipeline_ranks_}})
    if (typed(option) && value < 1) throw InputError(cat(option, " is ", value, "; write 1 or more"));
  if (typed("--pipeline")) choice.pipeline.ranks = pipeline_ranks_;
  put(pipeline_, choice.pipeline);
}

std::optional<DType> PlanWords::gradient_dtype() const {
  if (gradients_ != "f32" && gradients_ != "f16" && gradients_ != "bf16")
    throw_unknown_word("value of --gradients", gradients_, {"f32", "f16", "bf16"});
  return gradients_ == "f32" ? std::nullopt : std::optional(parse_dtype(gradients_));
}

int PlanWords::zero() const {
  if (!is_plan_file(plan_) && plan_ != "data" && plan_ != "sharded_optimizer")
    throw IgnoredOption("--zero", cat("in plan '", plan_, "'; it is for --plan data, or sharded_optimizer"));
  if (zero_ < 0 || zero_ > 3) throw InputError(cat("--zero is ", zero_, "; use 1, 2 or 3, or 0 for none"));
  return zero_;
}

void PlanWords::fill_local(ScheduleChoice& choice) const {
  if (typed("--local-steps") && local_steps_ < 1) throw InputError(cat("--local-steps is ", local_steps_, "; write 1 or more"));
  if (choice.plan_yaml.empty() && plan_ == "local_sgd") choice.local = make_plan(plan_, {}).local;  // as it is by itself
  if (choice.local.steps == 0) return;
  if (typed("--local-steps")) choice.local.steps = local_steps_;
  if (typed("--local-momentum")) choice.local.momentum = parse_local_momentum(local_momentum_);
}

PlanServers PlanWords::servers() const { return placed(servers_, servers_on_); }

void PlanWords::fill_from_file(ScheduleChoice& choice) const {
  const Plan plan = read();
  for (const char* option : {"--split", "--inside", "--pipeline"})
    if (typed(option)) throw IgnoredOption(option, cat("in ", plan_, "; it is for --plan hybrid"));
  for (const char* option : {"--micro-batches", "--order", "--stages", "--stages-per-rank", "--recompute"})
    if (typed(option) && pipeline_axis(plan) < 0)
      throw IgnoredOption(option, cat("in ", plan_, ", of which no axis is a pipeline"));
  const int ranks = plan.mesh.world_size();
  if (typed("--ranks") && choice.ranks != ranks)
    throw InputError(cat("--ranks is ", choice.ranks, ", but the mesh of ", plan_, " has ", ranks, " ranks; use --ranks ", ranks,
                         ", or change the mesh"));
  choice = {.model = choice.model,
            .plan = plan.name,
            .ranks = ranks,
            .global_batch = plan.global_batch,
            .overlap = plan.overlap,
            .bucket_bytes = plan.bucket_bytes,
            .all_reduce = typed("--all-reduce") ? choice.all_reduce : plan.all_reduce,
            .chunks = typed("--chunks") ? choice.chunks : plan.chunks,
            .precision = typed("--precision") ? choice.precision : plan.precision,
            .scheme = plan.scheme,
            .gradient_dtype = plan.gradient_dtype,
            .synchronised_statistics = plan.synchronised_statistics,
            .fusion = plan.fusion,
            .layout = plan.layout,
            .accumulate = plan.accumulate,
            .optimiser = plan.optimiser,
            .channels = plan.channels,
            .ranks_per_node = plan.ranks_per_node,
            .servers = plan.servers,
            .compression = plan.compression,
            .zero = plan.zero,
            .local = plan.local,
            .pipeline = pipeline_axis(plan) < 0 ? PipelineChoice{} : PipelineChoice{.settings = plan.pipeline},
            .plan_yaml = to_yaml(plan)};
}

}  // namespace convoy
