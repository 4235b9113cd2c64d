#include "simulator/report/plan_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/plans/layout.h"
#include "reference/plans/stages.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

std::vector<int> coordinates_of(const Mesh& mesh, int rank) {
  std::vector<int> coordinates;
  for (int axis = 0; axis < static_cast<int>(mesh.axes.size()); ++axis) coordinates.push_back(mesh.coordinate(rank, axis));
  return coordinates;
}

/// Words of a plan's nodes. On the batch axis a Layout says Replicate, since it describes one share of the images; beside other
/// axes it is left out.
class Words {
 public:
  explicit Words(const Plan& plan) : plan_(plan) {}

  [[nodiscard]] std::string of(const State& state) const {
    std::string text;
    for (std::size_t a = 0; a < state.size(); ++a) {
      const bool by_images = static_cast<int>(a) == plan_.batch_axis && plan_.mesh.axes[a].extent > 1;
      if (by_images && state.size() > 1) continue;  // of all tensors alike
      text += cat(text.empty() ? "" : " x ", by_images ? "Shard(batch)" : to_string(state[a]));
    }
    return text;
  }
  [[nodiscard]] std::string of(const std::vector<State>& states) const {
    std::vector<std::string> words;
    for (const State& state : states)
      if (std::find(words.begin(), words.end(), of(state)) == words.end()) words.push_back(of(state));
    return fmt::format("{}", fmt::join(words, " and "));
  }
  [[nodiscard]] std::string of(const std::vector<Rule>& rules) const {
    std::string text;
    for (const Rule rule : rules) text += cat(text.empty() ? "" : " x ", to_string(rule));
    return text;
  }

 private:
  const Plan& plan_;
};

/// "a -> b -> c", neighbours that are equal once.
std::string arrows(const std::vector<std::string>& stations) {
  std::string text = stations.front();
  for (std::size_t i = 1; i < stations.size(); ++i)
    if (stations[i] != stations[i - 1]) text += " -> " + stations[i];
  return text;
}

/// Bytes of the weights of every node that the rank with most of them has.
std::vector<std::int64_t> weight_bytes(const Model& model, const Plan& plan, const Layout& layout) {
  std::vector<std::int64_t> most(model.nodes.size(), 0);
  for (int rank = 0; rank < plan.mesh.world_size(); ++rank) {
    if (plan.batch_axis >= 0 && plan.mesh.coordinate(rank, plan.batch_axis) > 0) continue;  // as their first
    std::vector<std::int64_t> mine(model.nodes.size(), 0);
    const std::vector<int> coordinates = coordinates_of(plan.mesh, rank);
    for (const Parameter& parameter : parameters(model)) {
      const NodeLayout& node = layout.nodes[index(parameter.node)];
      const State& state = parameter.name.ends_with(".weight") ? node.weight : node.bias;
      mine[index(parameter.node)] += local_box(box_of(parameter.shape), state, coordinates).count() * size_bytes(plan.dtype);
    }
    for (std::size_t i = 0; i < most.size(); ++i) most[i] = std::max(most[i], mine[i]);
  }
  if (plan.zero == 3)  // a part of each, whatever its node
    for (std::int64_t& bytes : most) bytes = (bytes + plan.mesh.world_size() - 1) / plan.mesh.world_size();
  return most;
}

std::string kinds_text(const Volume& volume) { return fmt::format("{}", fmt::join(volume.kinds, ", ")); }

/// The most that any rank sends, and the mean where that is another number.
std::string sent_text(const Volume& volume) {
  if (volume.kinds.empty()) return "";
  const std::string most = format_bytes(static_cast<double>(volume.most_bytes()));
  const std::string mean = format_bytes(volume.mean_bytes());
  return most == mean ? most : fmt::format("{} (mean {})", most, mean);
}

Volume sum_of(const std::vector<PlanRow>& rows, Volume NodeVolume::*direction) {
  Volume sum;
  for (const PlanRow& row : rows) {
    const Volume& volume = row.volume.*direction;
    sum.sent_bytes.resize(volume.sent_bytes.size(), 0);
    for (std::size_t r = 0; r < volume.sent_bytes.size(); ++r) sum.sent_bytes[r] += volume.sent_bytes[r];
    if (!volume.kinds.empty()) sum.kinds = {"all"};
  }
  return sum;
}

nlohmann::ordered_json volume_json(const Volume& volume) {
  return {{"communication", volume.kinds},
          {"sent_bytes", volume.sent_bytes},
          {"most_sent_bytes", volume.most_bytes()},
          {"mean_sent_bytes", volume.mean_bytes()}};
}

/// Where a node stands in a pipeline.
std::string stage_text(const PipelineShape& shape, int stage) {
  return shape.stages_per_rank == 1 ? cat(stage) : cat(stage, ", rank ", shape.rank_of(stage));
}

std::string mesh_text(const Mesh& mesh) {
  std::string text;
  for (const Axis& axis : mesh.axes) text += cat(text.empty() ? "" : " x ", axis.name, " ", axis.extent);
  return text;
}

}  // namespace

std::vector<PlanRow> plan_rows(const Model& model, const Plan& plan, const Schedule& schedule) {
  const std::vector<NodeVolume> all = volumes(model, schedule);
  const Layout layout = layout_of(model, plan, static_cast<int>(schedule.samples(0).count));
  const std::vector<std::int64_t> bytes = weight_bytes(model, plan, layout);
  const Words words(plan);
  const bool pipelined = pipeline_axis(plan) >= 0;
  const std::vector<int> stages = stages_of(model, plan);
  std::vector<PlanRow> rows;
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const NodeLayout& node = layout.nodes[i];
    rows.push_back({.node = model.nodes[i].name,
                    .stage = pipelined ? stage_text(pipeline_shape(plan), stages[i]) : "",
                    .rule = words.of(node.rules),
                    .forward = arrows({words.of(node.inputs), words.of(node.made), words.of(node.output)}),
                    .backward = arrows({words.of(node.given_dy), words.of(node.dx)}),
                    .volume = all[i],
                    .weight_bytes = bytes[i]});
  }
  rows.push_back({.node = "weights and gradients", .volume = all.back()});
  return rows;
}

std::string plan_table(const std::vector<PlanRow>& rows, const Schedule& schedule) {
  const bool pipelined = std::ranges::any_of(rows, [](const PlanRow& row) { return !row.stage.empty(); });
  std::vector<Column> columns = {{"node", Align::left},
                                 {"rule", Align::left},
                                 {"x -> y", Align::left},
                                 {"communication\nforward", Align::left},
                                 {"a rank sends\nforward"},
                                 {"dy -> dx", Align::left},
                                 {"communication\nbackward", Align::left},
                                 {"a rank sends\nbackward"},
                                 {"weights\na rank"}};
  if (pipelined) columns.insert(columns.begin() + 1, {"stage", Align::left});
  Table table(columns);
  const auto add = [&](std::vector<std::string> cells, const std::string& stage) {
    if (pipelined) cells.insert(cells.begin() + 1, stage);
    table.add_row(std::move(cells));
  };
  std::int64_t weights = 0;
  for (const PlanRow& row : rows) {
    add({row.node, row.rule, row.forward, kinds_text(row.volume.forward), sent_text(row.volume.forward), row.backward,
         kinds_text(row.volume.backward), sent_text(row.volume.backward),
         row.weight_bytes > 0 ? format_bytes(static_cast<double>(row.weight_bytes)) : ""},
        row.stage);
    weights += row.weight_bytes;
  }
  table.add_rule();
  add({"total", "", "", "", sent_text(sum_of(rows, &NodeVolume::forward)), "", "", sent_text(sum_of(rows, &NodeVolume::backward)),
       format_bytes(static_cast<double>(weights))},
      "");
  const bool several = schedule.batch_axis >= 0 && schedule.mesh.axes.size() > 1;
  return fmt::format(
      "{}, plan {}: {} ranks ({}), {} images a step\n\n{}\n"
      "Bytes are what the rank that sends most sends in {}, and the mean over all ranks where it differs.\n{}",
      schedule.model, schedule.plan, schedule.world_size(), mesh_text(schedule.mesh), schedule.global_batch / steps_of_iteration(schedule),
      table.to_string(), schedule.local_steps > 1 ? cat("a round of ", schedule.local_steps, " steps") : "a step",
      several ? fmt::format("Axis '{}' divides the images before everything else and is left out of placements.\n",
                            schedule.mesh.axes.at(static_cast<std::size_t>(schedule.batch_axis)).name)
              : "");
}

nlohmann::ordered_json plan_json(const std::vector<PlanRow>& rows, const Schedule& schedule) {
  nlohmann::ordered_json nodes = nlohmann::ordered_json::array();
  for (const PlanRow& row : rows) {
    nodes.push_back({{"node", row.node},
                     {"rule", row.rule},
                     {"forward_placements", row.forward},
                     {"backward_placements", row.backward},
                     {"forward", volume_json(row.volume.forward)},
                     {"backward", volume_json(row.volume.backward)},
                     {"weight_bytes", row.weight_bytes}});
    if (!row.stage.empty()) nodes.back()["stage"] = row.stage;
  }
  nlohmann::ordered_json mesh = nlohmann::ordered_json::array();
  for (const Axis& axis : schedule.mesh.axes) mesh.push_back({{"axis", axis.name}, {"ranks", axis.extent}});
  return {{"model", schedule.model},
          {"plan", schedule.plan},
          {"mode", schedule.mode},
          {"ranks", schedule.world_size()},
          {"mesh", mesh},
          {"global_batch", schedule.global_batch / steps_of_iteration(schedule)},
          {"steps_of_iteration", steps_of_iteration(schedule)},
          {"nodes", nodes},
          {"forward", volume_json(sum_of(rows, &NodeVolume::forward))},
          {"backward", volume_json(sum_of(rows, &NodeVolume::backward))},
          {"provenance", {{"nodes", "formula"}, {"forward", "formula"}, {"backward", "formula"}}}};
}

nlohmann::ordered_json pipeline_json(const Model& model, const Plan& plan) {
  if (pipeline_axis(plan) < 0) return nullptr;
  const PipelineShape shape = pipeline_shape(plan);
  const std::vector<int> stages = stages_of(model, plan);
  nlohmann::ordered_json cuts = nlohmann::ordered_json::array();
  for (std::size_t i = 1; i < stages.size(); ++i)
    if (stages[i] != stages[i - 1]) cuts.push_back(model.nodes[i].name);
  return {{"ranks", shape.ranks},
          {"micro_batches", shape.micro_batches},
          {"order", plan.pipeline.order},
          {"stages_per_rank", shape.stages_per_rank},
          {"cuts", cuts}};
}

nlohmann::ordered_json choices_json(const std::vector<AutomaticChoice>& choices) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const AutomaticChoice& each : choices)
    list.push_back({{"op", each.op},
                    {"axis", each.axis},
                    {"ranks", each.members},
                    {"ranks_per_node", each.ranks_per_node},
                    {"bytes", each.bytes},
                    {"algorithm", each.choice.best.algorithm},
                    {"channels", each.choice.best.channels},
                    {"chunks", each.choice.best.chunks},
                    {"time_s", each.choice.best.time_s},
                    {"why", each.choice.why}});
  return list;
}

std::string choices_text(const std::vector<AutomaticChoice>& choices) {
  std::string text;
  for (const AutomaticChoice& choice : choices) text += cat("  ", in_words(choice), "\n");
  return text.empty() ? "" : cat("\nall-reduce auto chose\n", text);
}

std::string plans_table() {
  Table table({{"plan", Align::left}, {"what it does", Align::left}});
  for (const NamedPlan& plan : named_plans()) table.add_row({std::string(plan.name), std::string(plan.summary)});
  return table.to_string();
}

nlohmann::ordered_json plans_json() {
  nlohmann::ordered_json plans = nlohmann::ordered_json::array();
  for (const NamedPlan& plan : named_plans()) plans.push_back({{"name", plan.name}, {"summary", plan.summary}});
  return {{"plans", plans}, {"provenance", {{"plans", "formula"}}}};
}

}  // namespace convoy
