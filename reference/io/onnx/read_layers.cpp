// Operators of ONNX that are layers with weights, poolings or normalisations.
#include <algorithm>

#include "reference/io/onnx/converter.h"

namespace convoy {

void OnnxConverter::conv(const OnnxNode& node) {
  const Tensor x = tensor(node, 0);
  refuse_grouped(node, x);
  const OnnxTensor& w = learned(node, 1, "filters");
  if (w.extents.size() != 4) at(node).refuse("its filters have ", w.extents.size(), " extents; Convoy has 2-D convolutions");
  const bool bias = node.inputs.size() > 2 && !node.inputs[2].empty();
  Conv2d layer{.out_channels = small(node, w.extents[0]),
               .window = at(node).window({small(node, w.extents[2]), small(node, w.extents[3])}, x.padding),
               .bias = bias,
               .groups = at(node).integer("group", 1, 1)};
  if (layer.window.kernel_h != w.extents[2] || layer.window.kernel_w != w.extents[3])
    at(node).refuse("kernel_shape is not that of its filters");
  Learned values = {{"weight", &w.values}};
  if (bias) values["bias"] = &learned(node, 2, "bias").values;
  emit(node, layer, {x.node}, std::move(values));
}

void OnnxConverter::gemm(const OnnxNode& node) {
  for (const char* factor : {"alpha", "beta"})
    if (at(node).number(factor, 1) != 1) at(node).refuse(factor, " must be 1 for Convoy");
  at(node).require_integer("transA", 0);
  linear(node, at(node).integer("transB", 0) != 0, node.inputs.size() > 2 && !node.inputs[2].empty());
}

void OnnxConverter::mat_mul(const OnnxNode& node) { linear(node, false, false); }

void OnnxConverter::linear(const OnnxNode& node, bool transposed, bool bias) {
  const int x = plain(node, 0);
  const OnnxTensor& w = learned(node, 1, "weights");
  if (w.extents.size() != 2) at(node).refuse("its weights must be a matrix");
  const std::int64_t outputs = w.extents[transposed ? 0 : 1];
  const std::int64_t features = w.extents[transposed ? 1 : 0];
  if (features != shape_of(x).sample_count())
    at(node).refuse("its weights take ", features, " features and its input has ", shape_of(x).sample_count());
  Learned values = {{"weight", transposed ? &w.values : &transposed_values(w)}};
  if (bias) values["bias"] = &learned(node, 2, "bias").values;
  emit(node, Linear{.out_features = small(node, outputs), .bias = bias}, {x}, std::move(values), true);
}

const std::vector<double>& OnnxConverter::transposed_values(const OnnxTensor& w) {
  const auto rows = static_cast<std::size_t>(w.extents[0]);
  const auto columns = static_cast<std::size_t>(w.extents[1]);
  std::vector<double>& values = transposed_.emplace_back(w.values.size());
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t column = 0; column < columns; ++column) values[column * rows + row] = w.values[row * columns + column];
  return values;
}

void OnnxConverter::batch_norm(const OnnxNode& node) {
  const int x = plain(node, 0);
  emit(node, BatchNorm2d{.epsilon = at(node).number("epsilon", 1e-5), .momentum = 1 - at(node).number("momentum", 0.9)}, {x},
       {{"weight", &learned(node, 1, "scale").values},
        {"bias", &learned(node, 2, "bias").values},
        {"running_mean", &learned(node, 3, "mean").values},
        {"running_var", &learned(node, 4, "variance").values}});
}

void OnnxConverter::max_pool(const OnnxNode& node) {
  at(node).require_integer("storage_order", 0);
  const int x = plain(node, 0);
  emit(node, MaxPool2d{at(node).window({0, 0}, {})}, {x});
}

void OnnxConverter::average_pool(const OnnxNode& node) {
  const Tensor x = tensor(node, 0);
  refuse_grouped(node, x);
  const Window window = at(node).window({0, 0}, x.padding);
  const Shape image = shape_of(x.node);
  const bool padded = window.padding_h != 0 || window.padding_w != 0;
  if (!padded && window.kernel_h == 1 && window.kernel_w == 1 && window.stride_h == 1 && window.stride_w == 1)
    return alias(node, x);  // an adaptive pooling to the size that the images have
  if (!padded && window.kernel_h == image.h && window.kernel_w == image.w) return emit(node, GlobalAvgPool2d{}, {x.node});
  // What a Pad adds counts as values of 0; padding of the pooling's own does when count_include_pad says so.
  const bool own = node.ints.contains("pads") && at(node).integers("pads", {0, 0, 0, 0}) != std::vector<int>{0, 0, 0, 0};
  const bool counted = at(node).integer("count_include_pad", 0) != 0;
  if (own && !counted && x.padding != std::array<int, 4>{}) at(node).refuse("it has a Pad before it and padding of its own");
  emit(node, AvgPool2d{.window = window, .count_include_pad = !own || counted}, {x.node});
}

void OnnxConverter::global_average_pool(const OnnxNode& node) { emit(node, GlobalAvgPool2d{}, {plain(node, 0)}); }

void OnnxConverter::reduce_mean(const OnnxNode& node) {
  std::vector<std::int64_t> axes;
  if (node.ints.contains("axes")) axes = node.ints.at("axes");
  if (const OnnxTensor* listed = constant(node, 1)) axes = integers_of(node, *listed);
  for (std::int64_t& axis : axes) axis = axis < 0 ? axis + 4 : axis;
  std::sort(axes.begin(), axes.end());
  if (axes != std::vector<std::int64_t>{2, 3}) at(node).refuse("Convoy takes means over rows and columns only (axes 2 and 3)");
  emit(node, GlobalAvgPool2d{}, {plain(node, 0)}, {}, at(node).integer("keepdims", 1) == 0);
}

void OnnxConverter::local_response_norm(const OnnxNode& node) {
  emit(node,
       LocalResponseNorm{.size = at(node).integer("size", 5, 1),
                         .alpha = at(node).number("alpha", 1e-4),
                         .beta = at(node).number("beta", 0.75),
                         .k = at(node).number("bias", 1)},
       {plain(node, 0)});
}

void OnnxConverter::dropout(const OnnxNode& node) {
  const OnnxTensor* given = constant(node, 1);
  const double probability = given != nullptr && given->values.size() == 1 ? given->values[0] : at(node).number("ratio", 0.5);
  if (!(probability >= 0 && probability < 1)) at(node).refuse("its probability is ", probability);
  const Tensor x = tensor(node, 0);
  if (probability == 0) return alias(node, x);
  emit(node, Dropout{probability}, {plain(node, 0)}, {}, x.is_matrix);
}

void OnnxConverter::softmax(const OnnxNode& node) {
  if (node.outputs[0] != graph_.output) at(node).refuse("Convoy has a softmax at the end of a network only, in its loss");
  alias(node, tensor(node, 0));
}

}  // namespace convoy
