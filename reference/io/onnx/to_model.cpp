#include "reference/io/onnx/to_model.h"

#include <algorithm>

#include "reference/core/error.h"
#include "reference/io/onnx/converter.h"

namespace convoy {

OnnxConverter::OnnxConverter(OnnxGraph graph, const std::string& file)
    : graph_(std::move(graph)), file_(file), constants_(graph_.constants) {}

ReadModel OnnxConverter::run(const std::string& model_name) {
  find_needed();
  read_images();
  model_.name = model_name;
  for (const OnnxNode& node : graph_.nodes)
    if (needed(node)) convert(node);
  return finish();
}

void OnnxConverter::find_needed() {
  std::set<std::string> wanted = {graph_.output};
  for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node)
    if (std::any_of(node->outputs.begin(), node->outputs.end(), [&](const std::string& y) { return wanted.contains(y); }))
      wanted.insert(node->inputs.begin(), node->inputs.end());
  for (const OnnxNode& node : graph_.nodes)
    for (const std::string& x : node.inputs) ++readers_[x];
  wanted_ = std::move(wanted);
}

bool OnnxConverter::needed(const OnnxNode& node) const {
  return std::any_of(node.outputs.begin(), node.outputs.end(), [&](const std::string& y) { return wanted_.contains(y); });
}

void OnnxConverter::read_images() {
  const std::vector<std::int64_t>& extents = graph_.input_extents;
  const bool fits = extents.size() == 4 && std::all_of(extents.begin() + 1, extents.end(),
                                                       [](std::int64_t extent) { return extent > 0 && extent <= 65536; });
  if (!fits)
    throw InputError(cat("'", file_, "': its input '", graph_.input,
                         "' must have the extents N,C,H,W with fixed C, H and W; only the batch may be left open"));
  model_.image = {1, static_cast<int>(extents[1]), static_cast<int>(extents[2]), static_cast<int>(extents[3])};
  tensors_[graph_.input] = {};
}

void OnnxConverter::convert(const OnnxNode& node) {
  if (node.outputs.empty()) at(node).refuse("it has no output");
  if (fold(node)) return;
  const auto found = operators().find(node.op);
  if (found == operators().end()) {
    std::string known;
    for (const auto& [name, member] : operators()) known += cat(known.empty() ? "" : ", ", name);
    at(node).refuse("Convoy has no such layer; it reads ", known);
  }
  (this->*found->second)(node);
}

const std::map<std::string, OnnxConverter::Operator>& OnnxConverter::operators() {
  static const std::map<std::string, Operator> table = {
      {"Add", &OnnxConverter::add},
      {"AveragePool", &OnnxConverter::average_pool},
      {"BatchNormalization", &OnnxConverter::batch_norm},
      {"Clip", &OnnxConverter::clip},
      {"Concat", &OnnxConverter::concat},
      {"Constant", &OnnxConverter::constant_value},
      {"Conv", &OnnxConverter::conv},
      {"Dropout", &OnnxConverter::dropout},
      {"Flatten", &OnnxConverter::flatten},
      {"Gemm", &OnnxConverter::gemm},
      {"GlobalAveragePool", &OnnxConverter::global_average_pool},
      {"HardSigmoid", &OnnxConverter::hard_sigmoid},
      {"HardSwish", &OnnxConverter::hard_swish},
      {"Identity", &OnnxConverter::identity},
      {"LRN", &OnnxConverter::local_response_norm},
      {"LogSoftmax", &OnnxConverter::softmax},
      {"MatMul", &OnnxConverter::mat_mul},
      {"MaxPool", &OnnxConverter::max_pool},
      {"Mul", &OnnxConverter::mul},
      {"Pad", &OnnxConverter::pad},
      {"ReduceMean", &OnnxConverter::reduce_mean},
      {"Relu", &OnnxConverter::relu},
      {"Reshape", &OnnxConverter::reshape},
      {"Sigmoid", &OnnxConverter::sigmoid},
      {"Slice", &OnnxConverter::slice},
      {"Softmax", &OnnxConverter::softmax},
      {"Split", &OnnxConverter::split},
      {"Squeeze", &OnnxConverter::squeeze},
      {"Sum", &OnnxConverter::sum},
      {"Tanh", &OnnxConverter::tanh},
      {"Transpose", &OnnxConverter::transpose},
  };
  return table;
}

ReadModel OnnxConverter::finish() {
  const auto found = tensors_.find(graph_.output);
  if (found == tensors_.end() || model_.nodes.empty())
    throw InputError(cat("'", file_, "': its output '", graph_.output, "' is not made by a layer that was read"));
  if (found->second.node != static_cast<int>(model_.nodes.size()) - 1 || found->second.padding != std::array<int, 4>{})
    throw InputError(cat("'", file_, "': its output '", graph_.output, "' is not what its last layer makes"));
  const Shape logits = shapes_.back();
  if (logits.h != 1 || logits.w != 1)
    throw InputError(cat("'", file_, "': its output is ", logits.h, "x", logits.w,
                         " numbers a class; Convoy trains networks that give one number a class"));
  model_.classes = logits.c;
  model_.nodes.push_back({unused_name("loss"), SoftmaxCrossEntropy{}, {found->second.node}});
  values_.emplace_back();
  try {
    check(model_);
  } catch (const std::invalid_argument& error) {
    throw InputError(cat("'", file_, "': ", error.what()));
  }
  ModelValues values;
  collect(parameters(model_), values.weights);
  collect(states(model_), values.states);
  return {std::move(model_), std::move(values)};
}

void OnnxConverter::collect(const std::vector<Parameter>& tensors, std::vector<double>& values) const {
  for (const Parameter& tensor : tensors) {
    const std::string suffix = tensor.name.substr(model_.nodes[static_cast<std::size_t>(tensor.node)].name.size() + 1);
    const std::vector<double>& own = *values_[static_cast<std::size_t>(tensor.node)].at(suffix);
    values.insert(values.end(), own.begin(), own.end());
  }
}

ReadModel to_model(OnnxGraph graph, const std::string& file) {
  const std::string name = graph.name.empty() ? "onnx" : graph.name;
  return OnnxConverter(std::move(graph), file).run(name);
}

}  // namespace convoy
