// A plan as YAML: what plan_file.cpp reads.

#include <array>
#include <charconv>
#include <utility>

#include "reference/core/error.h"
#include "reference/io/plan_file.h"
#include "reference/io/yaml_map.h"
#include "reference/plans/stages.h"

namespace convoy {
namespace {

template <class Value>
void field(YAML::Emitter& out, const char* key, const Value& value) {
  out << YAML::Key << key << YAML::Value << value;
}

/// With as few digits as read back as the same number.
std::string shortest_number(double value) {
  std::array<char, 32> digits;
  return {digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr};
}

std::string bytes_word(std::int64_t bytes) {
  constexpr std::array kUnits = {std::pair{"GiB", std::int64_t{1} << 30}, std::pair{"MiB", std::int64_t{1} << 20},
                                 std::pair{"KiB", std::int64_t{1} << 10}};
  for (const auto& [name, unit] : kUnits)
    if (bytes % unit == 0) return cat(bytes / unit, name);
  return cat(bytes);
}

void write_overrides(YAML::Emitter& out, const Plan& plan) {
  if (plan.overrides.empty()) return;
  out << YAML::Key << "overrides" << YAML::Value << YAML::BeginMap;
  for (const auto& [node, rules] : plan.overrides) {
    out << YAML::Key << node << YAML::Value << YAML::Flow << YAML::BeginMap;
    for (const auto& [axis, rule] : rules) out << YAML::Key << axis << YAML::Value << std::string(to_string(rule));
    out << YAML::EndMap;
  }
  out << YAML::EndMap;
}

void write_compression(YAML::Emitter& out, const Compression& compression) {
  if (compression.method == "none") return;
  out << YAML::Key << "compress" << YAML::Value << YAML::Flow << YAML::BeginMap;
  field(out, "method", compression.method);
  if (compression.method == "top_k") field(out, "keep", shortest_number(compression.keep));
  out << YAML::EndMap;
}

void write_local(YAML::Emitter& out, const PlanLocal& local) {
  if (local.steps == 0) return;
  out << YAML::Key << "local_sgd" << YAML::Value << YAML::Flow << YAML::BeginMap;
  field(out, "steps", local.steps);
  field(out, "momentum", std::string(to_string(local.momentum)));
  out << YAML::EndMap;
}

void write_servers(YAML::Emitter& out, const PlanServers& servers) {
  if (servers.count == 0) return;
  out << YAML::Key << "servers" << YAML::Value << YAML::Flow << YAML::BeginMap;
  field(out, "count", servers.count);
  field(out, "on", std::string(place_of(servers)));
  field(out, "mode", servers.mode);
  if (servers.accept > 0) field(out, "accept", servers.accept);
  if (servers.bound > 0) field(out, "bound", servers.bound);
  out << YAML::EndMap;
}

void write_pipeline(YAML::Emitter& out, const Plan& plan) {
  if (pipeline_axis(plan) < 0) return;
  const Pipeline& pipeline = plan.pipeline;
  out << YAML::Key << "pipeline" << YAML::Value << YAML::BeginMap;
  field(out, "micro_batches", pipeline.micro_batches);
  field(out, "order", pipeline.order);
  if (!pipeline.table.empty()) field(out, "table", pipeline.table);
  field(out, "stages_per_rank", pipeline.stages_per_rank);
  out << YAML::Flow;
  if (!pipeline.cuts.empty()) field(out, "cuts", pipeline.cuts);
  out << YAML::Flow;
  if (!pipeline.recompute.empty()) field(out, "recompute", pipeline.recompute);
  out << YAML::EndMap;
}

}  // namespace

std::string to_yaml(const Plan& plan) {
  require(plan.strategies.size() == plan.mesh.axes.size(), "to_yaml(Plan)", plan.strategies.size(), " strategies for ",
          plan.mesh.axes.size(), " axes");
  YAML::Emitter out;
  out << YAML::BeginMap;
  field(out, "name", plan.name);
  out << YAML::Key << "mesh" << YAML::Value << YAML::BeginSeq;
  for (std::size_t a = 0; a < plan.mesh.axes.size(); ++a) {
    out << YAML::Flow << YAML::BeginMap;
    field(out, "axis", plan.mesh.axes[a].name);
    field(out, "ranks", plan.mesh.axes[a].extent);
    field(out, "strategy", plan.strategies[a]);
    out << YAML::EndMap;
  }
  out << YAML::EndSeq;
  field(out, "batch", plan.global_batch);
  field(out, "batch_axis", plan.batch_axis < 0 ? "none" : plan.mesh.axes.at(static_cast<std::size_t>(plan.batch_axis)).name);
  write_overrides(out, plan);
  field(out, "dtype", to_string(plan.dtype));
  field(out, "gradients", to_string(plan.gradient_dtype.value_or(plan.dtype)));
  field(out, "precision", plan.precision);
  field(out, "statistics", plan.synchronised_statistics ? "synchronised" : "local");
  field(out, "at_root", plan.at_root ? "on" : "off");
  field(out, "scheme", std::string(to_string(plan.scheme)));
  field(out, "overlap", plan.overlap ? "on" : "off");
  field(out, "bucket", bytes_word(plan.bucket_bytes));
  field(out, "all_reduce", plan.all_reduce);
  field(out, "chunks", plan.chunks);
  if (plan.channels > 0) field(out, "channels", plan.channels);
  if (plan.ranks_per_node > 0) field(out, "ranks_per_node", plan.ranks_per_node);
  field(out, "fusion", std::string(to_string(plan.fusion)));
  field(out, "layout", std::string(to_string(plan.layout)));
  field(out, "accumulate", plan.accumulate);
  field(out, "optimiser", std::string(to_string(plan.optimiser)));
  if (plan.zero != 0) field(out, "zero", plan.zero);
  write_compression(out, plan.compression);
  write_local(out, plan.local);
  write_servers(out, plan.servers);
  write_pipeline(out, plan);
  out << YAML::EndMap;
  return std::string(out.c_str()) + "\n";
}

}  // namespace convoy
