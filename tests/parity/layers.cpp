#include "tests/parity/parity.h"

#include "tests/cpu/operands.h"
#include "tests/parity/tensor_file.h"
#include "tests/rows/layers.h"

// Every row of tests/rows/layers.h, run with the fast kernels: what went in, what came out, and the layer's settings.

namespace convoy::parity {
namespace {

using nlohmann::json;

json settings(const Window& w) {
  return {{"kernel", {w.kernel_h, w.kernel_w}},
          {"stride", {w.stride_h, w.stride_w}},
          {"above", w.padding_h},
          {"below", w.padding_h + w.extra_below},
          {"sides", w.padding_w},
          {"dilation", {w.dilation_h, w.dilation_w}},
          {"ceil", w.ceil_mode}};
}
json settings(const Conv2d& l) { return {{"window", settings(l.window)}, {"groups", l.groups}}; }
json settings(const MaxPool2d& l) { return {{"window", settings(l.window)}}; }
json settings(const AvgPool2d& l) { return {{"window", settings(l.window)}, {"count_include_pad", l.count_include_pad}}; }
json settings(const AdaptiveAvgPool2d& l) { return {{"output", {l.output_h, l.output_w}}}; }
json settings(const BatchNorm2d& l) { return {{"epsilon", l.epsilon}, {"momentum", l.momentum}}; }
json settings(const LocalResponseNorm& l) { return {{"size", l.size}, {"alpha", l.alpha}, {"beta", l.beta}, {"k", l.k}}; }
json settings(const ChannelSelect& l) { return {{"first", l.first}, {"count", l.count}, {"groups", l.groups}}; }
json settings(const Dropout& l) { return {{"probability", l.probability}}; }
json settings(const SoftmaxCrossEntropy& l) { return {{"smoothing", l.label_smoothing}, {"weight", l.weight}}; }
json settings(const auto&) { return json::object(); }  // ReLU, Activation, Linear, Add, Scale, ...

void add(TensorFile& file, const std::string& name, const Tensor<float>& tensor) {
  if (tensor.data() != nullptr) file.add(name, tensor.span(), tensor.shape());
}

void add(TensorFile& file, const std::string& key, const rows::LayerRow& row, const Shape& shape) {
  test::Operands<float> o(row.layer, shape, 7);
  add(file, key + ".x", o.x);
  add(file, key + ".w", o.w);
  add(file, key + ".b", o.b);
  add(file, key + ".dy", o.dy);
  add(file, key + ".dw_before", o.dw);
  add(file, key + ".db_before", o.db);
  for (std::size_t i = 0; i < o.more.size(); ++i) add(file, cat(key, ".x", i + 1), o.more[i]);
  test::run_all<test::Fast>(o);
  add(file, key + ".y", o.y);
  add(file, key + ".dx", o.dx);
  add(file, key + ".dw", o.dw);
  add(file, key + ".db", o.db);
  for (std::size_t i = 0; i < o.dmore.size(); ++i) add(file, cat(key, ".dx", i + 1), o.dmore[i]);
  file.describe(key, {{"row", row.name},
                      {"kind", kind_name(row.layer)},
                      {"settings", std::visit([](const auto& l) { return settings(l); }, row.layer)},
                      {"labels", o.labels},
                      {"loss", o.loss.loss_sum}});
}

}  // namespace

void write_layers(const std::string& path) {
  TensorFile file;
  int count = 0;
  for (const rows::LayerRow& row : rows::layer_rows())
    for (const Shape& shape : row.inputs) add(file, cat(count++), row, shape);
  file.write(path);
}

}  // namespace convoy::parity
