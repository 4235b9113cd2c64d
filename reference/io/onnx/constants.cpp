// What an ONNX file calculates from known numbers, such as shapes, becomes a value here and no layer.
#include <algorithm>
#include <cmath>

#include "reference/io/onnx/converter.h"

namespace convoy {

bool OnnxConverter::fold(const OnnxNode& node) {
  if (node.op == "Shape") {
    const Tensor& x = tensor(node, 0);
    const Shape s = shape_of(plain(node, 0));
    define(node, x.is_matrix ? OnnxTensor{{2}, {-1, static_cast<double>(s.sample_count())}}
                             : OnnxTensor{{4}, {-1, double{1} * s.c, double{1} * s.h, double{1} * s.w}});
    return true;
  }
  std::vector<const OnnxTensor*> values;
  for (std::size_t i = 0; i < node.inputs.size(); ++i)
    if (!node.inputs[i].empty()) values.push_back(constant(node, i));
  if (values.empty() || std::find(values.begin(), values.end(), nullptr) != values.end()) return false;
  const std::optional<OnnxTensor> value = folded(node.op, values);
  if (value) define(node, *value);
  return value.has_value();
}

std::optional<OnnxTensor> OnnxConverter::folded(const std::string& op, const std::vector<const OnnxTensor*>& values) {
  const std::vector<double>& a = values[0]->values;
  if (op == "Cast" || op == "Squeeze" || op == "Unsqueeze") return OnnxTensor{{std::ssize(a)}, a};
  if (op == "Concat") {
    std::vector<double> all;
    for (const OnnxTensor* value : values) all.insert(all.end(), value->values.begin(), value->values.end());
    return OnnxTensor{{std::ssize(all)}, all};
  }
  if (values.size() != 2) return std::nullopt;
  const std::vector<double>& b = values[1]->values;
  if (op == "Gather" && values[0]->extents.size() == 1 && b.size() == 1) {
    const double i = b[0] < 0 ? b[0] + static_cast<double>(a.size()) : b[0];
    if (!(i >= 0 && i < static_cast<double>(a.size()))) return std::nullopt;
    return OnnxTensor{{}, {a[static_cast<std::size_t>(i)]}};
  }
  if (a.size() != 1 || b.size() != 1) return std::nullopt;
  if (op == "Add") return OnnxTensor{{}, {a[0] + b[0]}};
  if (op == "Sub") return OnnxTensor{{}, {a[0] - b[0]}};
  if (op == "Mul") return OnnxTensor{{}, {a[0] * b[0]}};
  if (op == "Div" && b[0] != 0) return OnnxTensor{{}, {std::trunc(a[0] / b[0])}};  // extents are integers
  return std::nullopt;
}

void OnnxConverter::define(const OnnxNode& node, OnnxTensor value) {
  if (!constants_.emplace(node.outputs[0], std::move(value)).second)
    at(node).refuse("'", node.outputs[0], "' has a value already");
}

void OnnxConverter::constant_value(const OnnxNode& node) {
  const auto value = node.tensors.find("value");
  if (value != node.tensors.end()) {
    define(node, value->second);
  } else if (node.floats.contains("value_float")) {
    define(node, {{}, {node.floats.at("value_float")}});
  } else if (node.ints.contains("value_int") || node.ints.contains("value_ints")) {
    const auto& ints = node.ints.contains("value_int") ? node.ints.at("value_int") : node.ints.at("value_ints");
    define(node, {{static_cast<std::int64_t>(ints.size())}, {ints.begin(), ints.end()}});
  } else {
    at(node).refuse("Convoy reads constants that are tensors or numbers");
  }
}

void OnnxConverter::identity(const OnnxNode& node) {
  if (const OnnxTensor* value = constant(node, 0)) {
    define(node, *value);
  } else {
    alias(node, tensor(node, 0));
  }
}

}  // namespace convoy
