#include "reference/model/model.h"

#include <cmath>
#include <set>

#include "reference/core/error.h"
#include "reference/core/random.h"

namespace convoy {

void check(const Model& model) {
  require(!model.nodes.empty(), "Model", "'", model.name, "' has no nodes");
  std::set<std::string> names;
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const Node& node = model.nodes[i];
    require(names.insert(node.name).second, "Model", "two nodes are called '", node.name, "'");
    require(node.input >= -1 && node.input < static_cast<int>(i), "Model", "node '", node.name, "' reads node ", node.input,
            ", which does not come before it");
    require(std::holds_alternative<SoftmaxCrossEntropy>(node.layer) == (i + 1 == model.nodes.size()), "Model",
            "SoftmaxCrossEntropy must be the last node and only that, see '", node.name, "'");
  }
  const Shape logits = output_shapes(model, 1).back();
  require(logits.c == model.classes, "Model", "'", model.name, "' has ", logits.c, " outputs for ", model.classes, " classes");
}

std::vector<Shape> output_shapes(const Model& model, int batch) {
  std::vector<Shape> shapes;
  shapes.reserve(model.nodes.size());
  for (const Node& node : model.nodes) {
    const Shape x = node.input < 0 ? model.image.with_batch(batch) : shapes[static_cast<std::size_t>(node.input)];
    try {
      shapes.push_back(output_shape(node.layer, x));
    } catch (const std::invalid_argument& error) {
      throw std::invalid_argument(cat("node '", node.name, "' of ", model.name, ": ", error.what()));
    }
  }
  return shapes;
}

Shape input_shape(const Model& model, int node, int batch) {
  const int input = model.nodes[static_cast<std::size_t>(node)].input;
  return input < 0 ? model.image.with_batch(batch) : output_shapes(model, batch)[static_cast<std::size_t>(input)];
}

std::vector<Parameter> parameters(const Model& model) {
  std::vector<Parameter> all;
  std::int64_t offset = 0;
  for (int node = static_cast<int>(model.nodes.size()) - 1; node >= 0; --node) {
    const Node& here = model.nodes[static_cast<std::size_t>(node)];
    for (const ParameterShape& parameter : parameter_shapes(here.layer, input_shape(model, node, 1))) {
      all.push_back({node, here.name + "." + parameter.name, parameter.shape, offset});
      offset += parameter.shape.count();
    }
  }
  return all;
}

std::int64_t parameter_count(const Model& model) {
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters(model)) count += parameter.shape.count();
  return count;
}

Work work_of(const Model& model, int node, int batch, Pass pass, DType dtype) {
  return work_of(model.nodes[static_cast<std::size_t>(node)].layer, input_shape(model, node, batch), pass, dtype);
}

std::vector<double> initial_weights(const Model& model, std::uint64_t seed) {
  std::vector<bool> before_relu(model.nodes.size(), false);
  for (const Node& node : model.nodes)
    if (node.input >= 0 && std::holds_alternative<ReLU>(node.layer)) before_relu[static_cast<std::size_t>(node.input)] = true;

  std::vector<double> values(static_cast<std::size_t>(parameter_count(model)));
  double fan_in = 1;
  for (const Parameter& parameter : parameters(model)) {
    const bool weight = parameter.name.ends_with(".weight");
    if (weight) fan_in = static_cast<double>(parameter.shape.sample_count());  // the bias of a node follows its weight
    const bool halved = weight && before_relu[static_cast<std::size_t>(parameter.node)];
    const double bound = std::sqrt((halved ? 6.0 : 1.0) / fan_in);
    for (std::int64_t i = 0; i < parameter.shape.count(); ++i) {
      const std::uint64_t bits = random_bits(seed, parameter.node, weight ? 0 : 1, i);
      values[static_cast<std::size_t>(parameter.offset + i)] = bound * (2.0 * unit_interval(bits) - 1.0);
    }
  }
  return values;
}

}  // namespace convoy
