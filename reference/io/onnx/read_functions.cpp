// Operators of ONNX that go element by element: activations, products and sums.
#include <array>
#include <cmath>
#include <limits>

#include "reference/io/onnx/converter.h"

namespace convoy {

void OnnxConverter::element_wise(const OnnxNode& node, const Layer& layer) {
  const bool is_matrix = tensor(node, 0).is_matrix;
  emit(node, layer, {plain(node, 0)}, {}, is_matrix);
}

void OnnxConverter::relu(const OnnxNode& node) { element_wise(node, ReLU{}); }

void OnnxConverter::sigmoid(const OnnxNode& node) { element_wise(node, Activation{ActivationFunction::sigmoid}); }

void OnnxConverter::tanh(const OnnxNode& node) { element_wise(node, Activation{ActivationFunction::tanh}); }

void OnnxConverter::hard_swish(const OnnxNode& node) { element_wise(node, Activation{ActivationFunction::hard_swish}); }

void OnnxConverter::hard_sigmoid(const OnnxNode& node) {
  const double alpha = at(node).number("alpha", 0.2), beta = at(node).number("beta", 0.5);
  if (!(std::abs(alpha - 1.0 / 6) < 1e-6) || beta != 0.5)
    at(node).refuse("alpha and beta are ", alpha, " and ", beta, "; Convoy has the hard sigmoid of MobileNet-V3: 1/6 and 0.5");
  element_wise(node, Activation{ActivationFunction::hard_sigmoid});
}

void OnnxConverter::clip(const OnnxNode& node) {
  const double infinity = std::numeric_limits<double>::infinity();
  const double low = limit(node, "min", 1, -infinity), high = limit(node, "max", 2, infinity);
  if (low == 0 && high >= std::numeric_limits<float>::max()) return element_wise(node, ReLU{});
  if (low != 0 || high != 6)
    at(node).refuse("it clips to ", low, " to ", high, "; Convoy has 0 to 6 (ReLU6) and 0 to infinity (ReLU)");
  element_wise(node, Activation{ActivationFunction::relu6});
}

double OnnxConverter::limit(const OnnxNode& node, const std::string& attribute, std::size_t input, double otherwise) const {
  if (input >= node.inputs.size() || node.inputs[input].empty()) return at(node).number(attribute, otherwise);
  const OnnxTensor& value = learned(node, input, attribute.c_str());
  if (value.values.size() != 1) at(node).refuse("its ", attribute, " must be one number");
  return value.values[0];
}

void OnnxConverter::mul(const OnnxNode& node) {
  if (node.inputs.size() != 2) at(node).refuse("it has ", node.inputs.size(), " inputs");
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}})
    if (constant(node, i) != nullptr)
      at(node).refuse("Convoy multiplies what layers made, and '", node.inputs[i], "' is values of the file");
  const std::array<int, 2> read = {plain(node, 0), plain(node, 1)};
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}})
    if (gates(read.at(i), read.at(1 - i)) && readers_[node.inputs[i]] == 1) {
      auto& gate = std::get<Activation>(model_.nodes[static_cast<std::size_t>(read.at(i))].layer);
      gate.function = gate.function == ActivationFunction::sigmoid ? ActivationFunction::silu : ActivationFunction::hard_swish;
      return alias(node, tensor(node, i));
    }
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    const Shape x = shape_of(read.at(1 - i)), s = shape_of(read.at(i));
    if (s.h != 1 || s.w != 1 || s.c != x.c || tensor(node, 0).is_matrix != tensor(node, 1).is_matrix) continue;
    return emit(node, Scale{}, {read.at(1 - i), read.at(i)}, {}, tensor(node, 0).is_matrix);
  }
  at(node).refuse("it multiplies ", to_string(shape_of(read[0])), " by ", to_string(shape_of(read[1])),
                  "; Convoy multiplies the channels of an image by a number each");
}

bool OnnxConverter::gates(int gate, int x) const {
  if (gate == kImages) return false;
  const Node& node = model_.nodes[static_cast<std::size_t>(gate)];
  const auto* activation = std::get_if<Activation>(&node.layer);
  return activation != nullptr && node.inputs.front() == x &&
         (activation->function == ActivationFunction::sigmoid || activation->function == ActivationFunction::hard_sigmoid);
}

void OnnxConverter::add(const OnnxNode& node) {
  for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
    const OnnxTensor* value = constant(node, i);
    if (value == nullptr) continue;
    const int x = plain(node, 1 - i);
    auto* layer = x == kImages ? nullptr : std::get_if<Linear>(&model_.nodes[static_cast<std::size_t>(x)].layer);
    if (layer == nullptr || layer->bias || readers_[node.inputs[1 - i]] != 1 ||
        value->values.size() != static_cast<std::size_t>(layer->out_features))
      at(node).refuse("Convoy adds values of the file only as the bias of a MatMul");
    layer->bias = true;
    values_[static_cast<std::size_t>(x)]["bias"] = &value->values;
    return alias(node, {.node = x, .is_matrix = true});
  }
  several(node, Add{});
}

void OnnxConverter::sum(const OnnxNode& node) { several(node, Add{}); }

void OnnxConverter::several(const OnnxNode& node, Layer layer) {
  std::vector<int> inputs;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(plain(node, i));
  if (inputs.empty()) at(node).refuse("it has no inputs");
  emit(node, std::move(layer), std::move(inputs), {}, tensor(node, 0).is_matrix);
}

}  // namespace convoy
