#include "simulator/report/model_table.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reference/core/units.h"
#include "reference/model/zoo.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

std::int64_t parameters_of(const Model& model, int node) {
  std::int64_t count = 0;
  const Layer& layer = model.nodes[static_cast<std::size_t>(node)].layer;
  for (const ParameterShape& parameter : parameter_shapes(layer, input_shape(model, node, 1))) count += parameter.shape.count();
  return count;
}

/// Whether backward reads what a node made: for its own gradient, or for those of layers behind it. Flatten makes nothing; what
/// reads it reads what was made before it.
std::vector<bool> kept_for_backward(const Model& model) {
  std::vector<bool> kept(model.nodes.size(), false);
  for (std::size_t i = model.nodes.size(); i-- > 0;) {
    const Node& node = model.nodes[i];
    if (dx_reads_output(node.layer) || has_fused_relu(node.layer)) kept[i] = true;
    const bool looks = std::holds_alternative<Flatten>(node.layer);
    const bool reads = looks ? kept[i] : dx_reads_input(node.layer) || parameters_of(model, static_cast<int>(i)) > 0;
    if (looks) kept[i] = false;
    for (const int input : node.inputs)
      if (reads && input != kImages) kept[static_cast<std::size_t>(input)] = true;
  }
  return kept;
}

double bytes_of(const Work& work) { return work.bytes_read + work.bytes_written; }

/// "" for nothing, so that a table shows what is there.
std::string or_empty(double value, std::string (*format)(double)) { return value > 0 ? format(value) : ""; }

nlohmann::ordered_json work_json(const Work& work) {
  return {{"flops", work.flops}, {"bytes_read", work.bytes_read}, {"bytes_written", work.bytes_written}};
}

nlohmann::ordered_json row_json(const ModelRow& row) {
  return {{"name", row.name},
          {"layer", row.layer},
          {"output", {row.output.n, row.output.c, row.output.h, row.output.w}},
          {"parameters", row.parameters},
          {"forward", work_json(row.forward)},
          {"backward_input", work_json(row.backward_input)},
          {"backward_weights", work_json(row.backward_weights)},
          {"activation_bytes", row.activation_bytes},
          {"kept_bytes", row.kept_bytes}};
}

}  // namespace

std::vector<ModelRow> model_rows(const Model& model, int batch, DType dtype) {
  const std::vector<Shape> outputs = output_shapes(model, batch);
  const std::vector<bool> kept = kept_for_backward(model);
  std::vector<ModelRow> rows;
  for (int node = 0; node < static_cast<int>(model.nodes.size()); ++node) {
    const auto i = static_cast<std::size_t>(node);
    ModelRow row{.name = model.nodes[i].name,
                 .layer = describe(model.nodes[i].layer),
                 .output = outputs[i],
                 .parameters = parameters_of(model, node),
                 .forward = work_of(model, node, batch, Pass::forward, dtype),
                 .backward_input = {},
                 .backward_weights = work_of(model, node, batch, Pass::backward_weights, dtype),
                 .activation_bytes = outputs[i].count() * size_bytes(dtype),
                 .kept_bytes = kept[i] ? outputs[i].count() * size_bytes(dtype) : 0};
    if (model.nodes[i].inputs.front() != kImages) row.backward_input = work_of(model, node, batch, Pass::backward_input, dtype);
    rows.push_back(std::move(row));
  }
  return rows;
}

ModelRow total_of(const std::vector<ModelRow>& rows) {
  ModelRow total;
  total.name = "total";
  for (const ModelRow& row : rows) {
    total.parameters += row.parameters;
    total.forward += row.forward;
    total.backward_input += row.backward_input;
    total.backward_weights += row.backward_weights;
    total.activation_bytes += row.activation_bytes;
    total.kept_bytes += row.kept_bytes;
  }
  return total;
}

std::string model_table(const Model& model, int batch, DType dtype) {
  const std::vector<ModelRow> rows = model_rows(model, batch, dtype);
  Table table({{"name", Align::left},
               {"layer", Align::left},
               {"output"},
               {"parameters"},
               {"FLOP\nforward"},
               {"FLOP\ndx"},
               {"FLOP\ndw"},
               {"bytes moved\nforward"},
               {"bytes moved\ndx"},
               {"bytes moved\ndw"},
               {"activations"},
               {"kept for\nbackward"}});
  const auto add = [&](const ModelRow& row, const std::string& shape) {
    table.add_row({row.name, row.layer, shape, row.parameters > 0 ? fmt::format("{}", row.parameters) : "",
                   or_empty(row.forward.flops, format_flops), or_empty(row.backward_input.flops, format_flops),
                   or_empty(row.backward_weights.flops, format_flops), or_empty(bytes_of(row.forward), format_bytes),
                   or_empty(bytes_of(row.backward_input), format_bytes), or_empty(bytes_of(row.backward_weights), format_bytes),
                   format_bytes(static_cast<double>(row.activation_bytes)),
                   or_empty(static_cast<double>(row.kept_bytes), format_bytes)});
  };
  for (const ModelRow& row : rows) add(row, to_string(row.output));
  table.add_rule();
  add(total_of(rows), "");
  return fmt::format("{}: {} image{} of {}x{}x{}, {} classes, {}\n\n{}", model.name, batch, batch == 1 ? "" : "s", model.image.c,
                     model.image.h, model.image.w, model.classes, to_string(dtype), table.to_string());
}

nlohmann::ordered_json model_json(const Model& model, int batch, DType dtype) {
  const std::vector<ModelRow> rows = model_rows(model, batch, dtype);
  const ModelRow total = total_of(rows);
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const ModelRow& row : rows) layers.push_back(row_json(row));
  return {{"model", model.name},
          {"batch", batch},
          {"dtype", to_string(dtype)},
          {"classes", model.classes},
          {"parameters", total.parameters},
          {"forward_flops", total.forward.flops},
          {"backward_flops", total.backward_input.flops + total.backward_weights.flops},
          {"activation_bytes", total.activation_bytes},
          {"kept_bytes", total.kept_bytes},
          {"layers", layers},
          {"provenance",
           {{"parameters", "formula"},
            {"forward_flops", "formula"},
            {"backward_flops", "formula"},
            {"activation_bytes", "formula"},
            {"kept_bytes", "formula"},
            {"layers", "formula"}}}};
}

std::string zoo_table() {
  Table table({{"model", Align::left}, {"images"}, {"classes"}, {"parameters"}, {"forward an image"}, {"from", Align::left}});
  for (const ZooEntry& entry : zoo()) {
    const Model model = entry.make();
    table.add_row({std::string(entry.name), fmt::format("{}x{}x{}", model.image.c, model.image.h, model.image.w),
                   fmt::format("{}", model.classes), fmt::format("{}", parameter_count(model)),
                   format_flops(total_of(model_rows(model, 1, DType::f32)).forward.flops), std::string(entry.source)});
  }
  return table.to_string();
}

nlohmann::ordered_json zoo_json() {
  nlohmann::ordered_json models = nlohmann::ordered_json::array();
  for (const ZooEntry& entry : zoo()) {
    const Model model = entry.make();
    models.push_back({{"model", entry.name},
                      {"image", {model.image.c, model.image.h, model.image.w}},
                      {"classes", model.classes},
                      {"parameters", parameter_count(model)},
                      {"forward_flops_per_image", total_of(model_rows(model, 1, DType::f32)).forward.flops},
                      {"source", entry.source}});
  }
  return {{"models", models}, {"provenance", {{"models", "formula"}}}};
}

}  // namespace convoy
