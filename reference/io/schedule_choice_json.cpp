#include "reference/io/schedule_choice_json.h"

#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/io/plan_file.h"

namespace convoy {
namespace {

using nlohmann::ordered_json;

ordered_json machine_json(const GroupTopology& machine) {
  return {{"ranks_per_node", machine.ranks_per_node},
          {"in_node_latency_s", machine.in_node.latency_s},
          {"in_node_bandwidth_bytes_per_s", machine.in_node.bandwidth_bytes_per_s},
          {"between_nodes_latency_s", machine.between_nodes.latency_s},
          {"between_nodes_bandwidth_bytes_per_s", machine.between_nodes.bandwidth_bytes_per_s},
          {"nics_per_node", machine.nics_per_node}};
}

GroupTopology parse_machine(JsonFields fields) {
  GroupTopology machine{
      .ranks_per_node = fields.small_integer("ranks_per_node"),
      .in_node = {fields.number("in_node_latency_s"), fields.positive_number("in_node_bandwidth_bytes_per_s")},
      .between_nodes = {fields.number("between_nodes_latency_s"), fields.positive_number("between_nodes_bandwidth_bytes_per_s")},
      .nics_per_node = fields.small_integer("nics_per_node", 1)};
  fields.require_all_known();
  return machine;
}

/// Lists as they are typed.
ordered_json pipeline_json(const PipelineChoice& choice) {
  const Pipeline& settings = choice.settings;
  std::vector<std::string> recompute;
  for (const int stage : settings.recompute) recompute.push_back(cat(stage));
  return {{"ranks", choice.ranks},
          {"micro_batches", settings.micro_batches},
          {"order", settings.order},
          {"table", settings.table},
          {"stages_per_rank", settings.stages_per_rank},
          {"stages", join_list(settings.cuts)},
          {"recompute", choice.recompute_all ? "all" : join_list(recompute)}};
}

void parse_pipeline_choice(PipelineChoice& choice, JsonFields fields) {
  choice.ranks = fields.small_integer("ranks", 1);
  choice.settings.micro_batches = fields.small_integer("micro_batches");
  choice.settings.stages_per_rank = fields.small_integer("stages_per_rank", 1);
  choice.settings.order = fields.text("order");
  for (const nlohmann::json& row : fields.array("table"))
    if (row.is_string()) choice.settings.table.push_back(row.get<std::string>());
  try {
    put({.stages = fields.text("stages"), .recompute = fields.text("recompute")}, choice);
    if (choice.settings.order != kOwnOrder) (void)pipeline_order(choice.settings.order);
  } catch (const InputError& error) {
    fields.problem("order", error.what());
  }
  fields.require_all_known();
}

/// What reports before version 0.2 did not say.
void parse_plan_choice(ScheduleChoice& choice, JsonFields& fields) {
  if (fields.has("split")) choice.split = fields.small_integer("split");
  if (fields.has("channels")) choice.channels = fields.small_integer("channels");
  if (fields.has("ranks_per_node")) choice.ranks_per_node = fields.small_integer("ranks_per_node");
  if (fields.has("chosen_for")) choice.machine = parse_machine(fields.object("chosen_for"));
  if (fields.has("accumulate")) choice.accumulate = fields.small_integer("accumulate", 1);
  parse_optional(fields, "optimiser", [&](const std::string& word) { choice.optimiser = parse_optimiser(word); });
  if (fields.has("compression")) {
    JsonFields compression = fields.object("compression");
    choice.compression = {.method = compression.text("method"), .keep = compression.number("keep")};
    compression.require_all_known();
  }
  if (fields.has("zero")) choice.zero = fields.small_integer("zero");
  if (fields.has("local_sgd")) {
    JsonFields local = fields.object("local_sgd");
    choice.local.steps = local.small_integer("steps", 1);
    parse_optional(local, "momentum", [&](const std::string& word) { choice.local.momentum = parse_local_momentum(word); });
    local.require_all_known();
  }
  if (fields.has("servers")) {
    JsonFields servers = fields.object("servers");
    choice.servers = {.count = servers.small_integer("count", 1),
                      .mode = servers.text("mode"),
                      .accept = servers.small_integer("accept"),
                      .bound = servers.small_integer("bound")};
    parse_optional(servers, "on", [&](const std::string& word) { choice.servers = placed(choice.servers, word); });
    servers.require_all_known();
  }
  if (fields.has("pipeline")) parse_pipeline_choice(choice.pipeline, fields.object("pipeline"));
  parse_optional(fields, "inside", [&](const std::string& word) { choice.inside = named_plan(word).name; });
  parse_optional(fields, "scheme", [&](const std::string& word) { choice.scheme = parse_exchange_scheme(word); });
  parse_optional(fields, "gradients", [&](const std::string& word) { choice.gradient_dtype = parse_dtype(word); });
  parse_optional(fields, "statistics", [&](const std::string& word) { choice.synchronised_statistics = parse_statistics(word); });
  choice.fusion = Fusion::off;
  choice.layout = ActivationLayout::nchw;
  parse_optional(fields, "fusion", [&](const std::string& word) { choice.fusion = parse_fusion(word); });
  parse_optional(fields, "layout", [&](const std::string& word) { choice.layout = parse_activation_layout(word); });
  parse_optional(fields, "plan_yaml",
                 [&](const std::string& yaml) { choice.plan_yaml = to_yaml(parse_plan(yaml, "plan_yaml")); });
}

}  // namespace

ordered_json schedule_json(const ScheduleChoice& choice) {
  ordered_json json = {{"model", choice.model},           {"plan", choice.plan},
                       {"ranks", choice.ranks},           {"global_batch", choice.global_batch},
                       {"overlap", choice.overlap},       {"bucket_bytes", choice.bucket_bytes},
                       {"all_reduce", choice.all_reduce}, {"chunks", choice.chunks},
                       {"precision", choice.precision}};
  if (choice.channels > 0) json["channels"] = choice.channels;
  if (choice.ranks_per_node > 0) json["ranks_per_node"] = choice.ranks_per_node;
  if (choice.machine) json["chosen_for"] = machine_json(*choice.machine);
  if (choice.split > 0) json["split"] = choice.split;
  json["inside"] = choice.inside;
  json["scheme"] = to_string(choice.scheme);
  if (choice.gradient_dtype) json["gradients"] = to_string(*choice.gradient_dtype);
  if (choice.accumulate != 1) json["accumulate"] = choice.accumulate;
  if (choice.optimiser != Optimiser::sgd) json["optimiser"] = to_string(choice.optimiser);
  if (choice.compression.method != "none")
    json["compression"] = {{"method", choice.compression.method}, {"keep", choice.compression.keep}};
  if (choice.zero != 0) json["zero"] = choice.zero;
  if (choice.local.steps > 0)
    json["local_sgd"] = {{"steps", choice.local.steps}, {"momentum", to_string(choice.local.momentum)}};
  if (const PlanServers& servers = choice.servers; servers.count > 0)
    json["servers"] = {{"count", servers.count},
                       {"on", place_of(servers)},
                       {"mode", servers.mode},
                       {"accept", servers.accept},
                       {"bound", servers.bound}};
  if (choice.pipeline != PipelineChoice{}) json["pipeline"] = pipeline_json(choice.pipeline);
  json["statistics"] = choice.synchronised_statistics ? "synchronised" : "local";
  json["fusion"] = to_string(choice.fusion);
  json["layout"] = to_string(choice.layout);
  if (!choice.plan_yaml.empty()) json["plan_yaml"] = choice.plan_yaml;
  return json;
}

ScheduleChoice parse_schedule_choice(JsonFields fields) {
  ScheduleChoice choice{.model = fields.text("model"),
                        .plan = fields.text("plan"),
                        .ranks = fields.small_integer("ranks"),
                        .global_batch = fields.small_integer("global_batch"),
                        .overlap = fields.flag("overlap"),
                        .bucket_bytes = fields.integer("bucket_bytes"),
                        .all_reduce = fields.text("all_reduce"),
                        .chunks = fields.small_integer("chunks"),
                        .precision = fields.text("precision")};
  parse_plan_choice(choice, fields);
  fields.require_all_known();
  return choice;
}

}  // namespace convoy
