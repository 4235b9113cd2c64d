#include "reference/model/model.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "reference/core/error.h"
#include "reference/core/random.h"

namespace convoy {

namespace {

/// A network's own windows are those of whole images.
void check_whole(const Node& node, const Window& window) {
  require(window.padding_h >= 0 && window.extra_below == 0, "Model", "node '", node.name, "': padding must be at least 0, got ",
          window.padding_h, "x", window.padding_w);
}

bool is_loss(const Node& node) { return std::holds_alternative<SoftmaxCrossEntropy>(node.layer); }

/// Shapes of what a node reads, given those of all nodes before it.
std::vector<Shape> read_by(const Model& model, const Node& node, const std::vector<Shape>& outputs, int batch) {
  std::vector<Shape> shapes;
  for (const int input : node.inputs)
    shapes.push_back(input == kImages ? model.image.with_batch(batch) : outputs[static_cast<std::size_t>(input)]);
  return shapes;
}

}  // namespace

void check(const Model& model) {
  require(!model.nodes.empty(), "Model", "'", model.name, "' has no nodes");
  std::set<std::string> names;
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const Node& node = model.nodes[i];
    require(names.insert(node.name).second, "Model", "two nodes are called '", node.name, "'");
    require(!node.inputs.empty(), "Model", "node '", node.name, "' reads nothing");
    for (const int input : node.inputs)
      require(input >= kImages && input < static_cast<int>(i), "Model", "node '", node.name, "' reads node ", input,
              ", which does not come before it");
    if (const auto* conv = std::get_if<Conv2d>(&node.layer)) check_whole(node, conv->window);
    if (const auto* pool = std::get_if<MaxPool2d>(&node.layer)) check_whole(node, pool->window);
    if (const auto* pool = std::get_if<AvgPool2d>(&node.layer)) check_whole(node, pool->window);
    for (const int input : node.inputs)
      require(input == kImages || !is_loss(model.nodes[static_cast<std::size_t>(input)]), "Model", "node '", node.name,
              "' reads a SoftmaxCrossEntropy, behind which nothing comes");
  }
  require(is_loss(model.nodes.back()), "Model", "SoftmaxCrossEntropy must be the last node, see '", model.nodes.back().name, "'");
  const std::vector<Shape> shapes = output_shapes(model, 1);
  for (std::size_t i = 0; i < model.nodes.size(); ++i)
    require(!is_loss(model.nodes[i]) || shapes[i].c == model.classes, "Model", "'", model.name, "' has ", shapes[i].c,
            " outputs for ", model.classes, " classes at '", model.nodes[i].name, "'");
}

std::vector<bool> needed_for_answers(const Model& model) {
  std::vector<bool> needed(model.nodes.size(), false);
  needed.back() = true;
  for (std::size_t i = model.nodes.size(); i-- > 0;)
    for (const int input : model.nodes[i].inputs)
      if (needed[i] && input != kImages) needed[static_cast<std::size_t>(input)] = true;
  return needed;
}

int origin_of(const Model& model, int node) {
  const int origin = model.nodes[static_cast<std::size_t>(node)].origin;
  return origin < 0 ? node : origin;
}

std::vector<Shape> output_shapes(const Model& model, int batch) {
  std::vector<Shape> shapes;
  shapes.reserve(model.nodes.size());
  for (const Node& node : model.nodes) {
    try {
      shapes.push_back(output_shape(node.layer, read_by(model, node, shapes, batch)));
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument(cat("node '", node.name, "' of ", model.name, ": ", error.what()));
    }
  }
  return shapes;
}

Shape input_shape(const Model& model, int node, int batch) {
  const Node& here = model.nodes[static_cast<std::size_t>(node)];
  const std::vector<Shape> shapes = output_shapes(model, batch);
  if (std::holds_alternative<Concat>(here.layer)) return shapes[static_cast<std::size_t>(node)];
  return read_by(model, here, shapes, batch).front();
}

std::vector<Parameter> parameters(const Model& model) {
  const std::vector<Shape> shapes = output_shapes(model, 1);
  std::vector<Parameter> all;
  std::int64_t offset = 0;
  for (int node = static_cast<int>(model.nodes.size()) - 1; node >= 0; --node) {
    const Node& here = model.nodes[static_cast<std::size_t>(node)];
    for (const ParameterShape& parameter : parameter_shapes(here.layer, read_by(model, here, shapes, 1).front())) {
      all.push_back({node, here.name + "." + parameter.name, parameter.shape, offset});
      offset += parameter.shape.count();
    }
  }
  return all;
}

std::vector<Parameter> states(const Model& model) {
  const std::vector<Shape> shapes = output_shapes(model, 1);
  std::vector<Parameter> all;
  std::int64_t offset = 0;
  for (std::size_t node = 0; node < model.nodes.size(); ++node) {
    const Node& here = model.nodes[node];
    for (const ParameterShape& state : state_shapes(here.layer, read_by(model, here, shapes, 1).front())) {
      all.push_back({static_cast<int>(node), here.name + "." + state.name, state.shape, offset});
      offset += state.shape.count();
    }
  }
  return all;
}

std::int64_t state_count(const Model& model) {
  std::int64_t count = 0;
  for (const Parameter& state : states(model)) count += state.shape.count();
  return count;
}

std::vector<double> initial_states(const Model& model) {
  std::vector<double> values;
  for (const Parameter& state : states(model))
    values.insert(values.end(), static_cast<std::size_t>(state.shape.count()), state.name.ends_with("_var") ? 1.0 : 0.0);
  return values;
}

std::int64_t parameter_count(const Model& model) {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters(model)) count += parameter.shape.count();
  return count;
}

Work work_of(const Model& model, int node, int batch, Pass pass, DType dtype) {
  const Node& here = model.nodes[static_cast<std::size_t>(node)];
  return work_of(here.layer, input_shape(model, node, batch), pass, dtype, static_cast<int>(here.inputs.size()));
}

std::vector<double> initial_weights(const Model& model, std::uint64_t seed) {
  std::vector<bool> before_relu;
  for (const Node& node : model.nodes) before_relu.push_back(has_fused_relu(node.layer));
  for (const Node& node : model.nodes)
    if (node.inputs.front() != kImages && std::holds_alternative<ReLU>(node.layer))
      before_relu[static_cast<std::size_t>(node.inputs.front())] = true;

  std::vector<double> values(static_cast<std::size_t>(parameter_count(model)));
  double fan_in = 1;
  for (const Parameter& parameter : parameters(model)) {
    const bool weight = parameter.name.ends_with(".weight");
    if (std::holds_alternative<BatchNorm2d>(model.nodes[static_cast<std::size_t>(parameter.node)].layer)) {
      std::fill_n(values.begin() + parameter.offset, parameter.shape.count(), weight ? 1.0 : 0.0);
      continue;
    }
    if (weight) fan_in = static_cast<double>(parameter.shape.sample_count());  // the bias of a node follows its weight
    const bool halved = weight && before_relu[static_cast<std::size_t>(parameter.node)];
    const double bound = std::sqrt((halved ? 6.0 : 1.0) / fan_in);
    for (std::int64_t i = 0; i < parameter.shape.count(); ++i) {
      const std::uint64_t bits = random_bits(seed, origin_of(model, parameter.node), weight ? 0 : 1, i);
      values[static_cast<std::size_t>(parameter.offset + i)] = bound * (2.0 * unit_interval(bits) - 1.0);
    }
  }
  return values;
}

ModelValues initial_values(const Model& model, std::uint64_t seed) {
  return {initial_weights(model, seed), initial_states(model)};
}

}  // namespace convoy
