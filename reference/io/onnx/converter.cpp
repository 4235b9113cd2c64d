#include "reference/io/onnx/converter.h"

#include <algorithm>
#include <cmath>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// The name that PyTorch gives a module, from the scopes in an exported node's name: "/layer1/layer1.0/conv1/Conv" is
/// layer1.0.conv1, since a scope that begins with the one before it replaces that.
std::string module_name(const OnnxNode& node) {
  std::string name;
  std::size_t begin = 0;
  const std::string path =
      node.name.substr(0, node.name.rfind('/') == std::string::npos ? node.name.size() : node.name.rfind('/'));
  while (begin <= path.size()) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    const std::string scope = path.substr(begin, end - begin);
    begin = end + 1;
    if (scope.empty()) continue;
    name = name.empty() || scope.starts_with(name + ".") ? scope : cat(name, ".", scope);
  }
  return name.empty() ? node.op : name;
}

}  // namespace

std::string OnnxConverter::unused_name(std::string name) {
  const std::string base = name;
  for (int copy = 2; !names_.insert(name).second; ++copy) name = cat(base, "_", copy);
  return name;
}

std::string OnnxConverter::name_of(const OnnxNode& node) {
  const std::string suffix = ".weight";
  if (node.inputs.size() > 1 && node.inputs[1].ends_with(suffix) && node.inputs[1].find("::") == std::string::npos)
    return unused_name(node.inputs[1].substr(0, node.inputs[1].size() - suffix.size()));
  return unused_name(module_name(node));
}

const OnnxTensor* OnnxConverter::constant(const OnnxNode& node, std::size_t i) const {
  if (i >= node.inputs.size()) return nullptr;
  const auto found = constants_.find(node.inputs[i]);
  return found == constants_.end() ? nullptr : &found->second;
}

const OnnxTensor& OnnxConverter::learned(const OnnxNode& node, std::size_t i, const char* what) const {
  const OnnxTensor* found = constant(node, i);
  if (found == nullptr)
    at(node).refuse("its ", what, " must be values in the file",
                    i < node.inputs.size() ? cat(", and '", node.inputs[i], "' is calculated") : "");
  return *found;
}

std::vector<std::int64_t> OnnxConverter::integers_of(const OnnxNode& node, const OnnxTensor& listed) const {
  std::vector<std::int64_t> integers;
  for (const double value : listed.values) {
    if (value != std::floor(value)) at(node).refuse("it is set with ", value, ", which is no integer");
    integers.push_back(static_cast<std::int64_t>(std::clamp(value, -1e9, 1e9)));  // "to the end" is the largest integer there is
  }
  return integers;
}

const OnnxConverter::Tensor& OnnxConverter::tensor(const OnnxNode& node, std::size_t i) const {
  if (i >= node.inputs.size()) at(node).refuse("it has ", node.inputs.size(), " inputs");
  const auto found = tensors_.find(node.inputs[i]);
  if (found == tensors_.end()) at(node).refuse("its input '", node.inputs[i], "' is not made by a layer before it");
  return found->second;
}

int OnnxConverter::plain(const OnnxNode& node, std::size_t i) const {
  const Tensor& x = tensor(node, i);
  if (x.padding != std::array<int, 4>{}) at(node).refuse("it reads a Pad; Convoy pads only before Conv and AveragePool");
  refuse_grouped(node, x);
  return x.node;
}

void OnnxConverter::refuse_grouped(const OnnxNode& node, const Tensor& x) const {
  if (x.groups != 0) at(node).refuse("it reads a tensor of five extents; Convoy reads these only where they shuffle channels");
}

Shape OnnxConverter::shape_of(int node) const { return node == kImages ? model_.image : shapes_[static_cast<std::size_t>(node)]; }

OnnxAttributes OnnxConverter::at(const OnnxNode& node) const { return {node, file_}; }

void OnnxConverter::emit(const OnnxNode& node, Layer layer, std::vector<int> inputs, Learned values, bool is_matrix,
                         std::size_t output) {
  std::vector<Shape> read;
  for (const int input : inputs) read.push_back(shape_of(input));
  Shape y;
  try {
    y = output_shape(layer, read);
  } catch (const std::invalid_argument& error) {
    at(node).refuse(error.what());
  }
  std::vector<ParameterShape> wanted = parameter_shapes(layer, read.front());
  for (ParameterShape& state : state_shapes(layer, read.front())) wanted.push_back(std::move(state));
  for (const ParameterShape& parameter : wanted) {
    const std::size_t found = values.contains(parameter.name) ? values[parameter.name]->size() : 0;
    if (found != static_cast<std::size_t>(parameter.shape.count()))
      at(node).refuse("its ", parameter.name, " has ", found, " values and should have ", parameter.shape.count());
  }
  model_.nodes.push_back({name_of(node), std::move(layer), std::move(inputs)});
  shapes_.push_back(y);
  values_.push_back(std::move(values));
  tensors_[node.outputs.at(output)] = {.node = static_cast<int>(shapes_.size()) - 1, .is_matrix = is_matrix};
}

void OnnxConverter::alias(const OnnxNode& node, Tensor x) { tensors_[node.outputs.at(0)] = x; }

int OnnxConverter::small(const OnnxNode& node, std::int64_t extent) const {
  if (extent < 1 || extent > 1'000'000) at(node).refuse("an extent of its weights is ", extent);
  return static_cast<int>(extent);
}

}  // namespace convoy
