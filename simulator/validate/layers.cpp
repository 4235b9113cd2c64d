#include <array>
#include <cmath>

#include "reference/core/units.h"
#include "simulator/cost/kernels.h"
#include "simulator/validate/cells.h"
#include "simulator/validate/validation.h"

namespace convoy {
namespace {

KernelMachine machine_of(const CsvTable& table, std::size_t row, const AllHardware& all) {
  const Hardware& hardware = hardware_of(table, row, all);
  if (!hardware.missing.empty() || hardware.gpu == nullptr) throw NotDone(hardware.missing);
  return kernel_machine(hardware.device, *hardware.gpu, precision_of(table.text(row, "precision"), *hardware.gpu));
}

/// All whole numbers in a text, signs and fractions left aside: "kernel_size=(3, 3)" has 3 and 3.
std::vector<int> integers_in(std::string_view text) {
  std::vector<int> numbers;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] < '0' || text[i] > '9') {
      ++i;
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') ++end;
    if (end - i < 9) numbers.push_back(std::stoi(std::string(text.substr(i, end - i))));
    i = end;
  }
  return numbers;
}

/// The numbers after "name=" up to the next name, at least one.
std::vector<int> setting(const std::string& layer, const std::string& name, std::vector<int> otherwise) {
  const std::size_t at = layer.find(name + "=");
  if (at == std::string::npos) return otherwise;
  const std::size_t from = at + name.size() + 1;
  const std::size_t end = layer[from] == '(' ? layer.find(')', from) : layer.find(',', from);
  std::vector<int> numbers = integers_in(std::string_view(layer).substr(from, end == std::string::npos ? end : end - from));
  return numbers.empty() ? otherwise : numbers;
}

struct LayerAndShapes {
  Layer layer;
  Shape x;
  Shape y;
};

/// A convolution as PyTorch prints it, with square images whose size follows from the output's bytes.
LayerAndShapes convolution_of(const std::string& text, int batch, double output_elements) {
  const std::vector<int> channels = integers_in(text.substr(text.find('(')));
  if (channels.size() < 2 || channels[0] < 1 || channels[1] < 1) throw NotDone(cat("'", text, "' states no channels"));
  const std::vector<int> kernel = setting(text, "kernel_size", {1});
  const std::vector<int> stride = setting(text, "stride", {1});
  const std::vector<int> padding = setting(text, "padding", {0});
  Window window{.kernel_h = kernel.front(), .kernel_w = kernel.back(), .stride_h = stride.front(), .stride_w = stride.back()};
  window.padding_h = padding.front();
  window.padding_w = padding.back();
  const int side = static_cast<int>(std::lround(std::sqrt(output_elements / batch / channels[1])));
  if (side < 1 || std::abs(static_cast<double>(side) * side * batch * channels[1] - output_elements) > 0.5)
    throw NotDone("the output is no square image");
  Conv2d conv;
  conv.out_channels = channels[1];
  conv.window = window;
  conv.bias = false;
  conv.groups = setting(text, "groups", {1}).front();
  return {conv,
          {batch, channels[0], (side - 1) * window.stride_h + window.kernel_h - 2 * window.padding_h,
           (side - 1) * window.stride_w + window.kernel_w - 2 * window.padding_w},
          {batch, channels[1], side, side}};
}

double product_s(const LayerAndShapes& what, bool forward, const KernelMachine& machine) {
  if (forward) return layer_time_s(what.layer, what.x, what.y, Pass::forward, {}, machine);
  const double weights_s = layer_time_s(what.layer, what.x, what.y, Pass::backward_weights, {}, machine);
  // Nothing needs the gradient of the images themselves.
  return what.x.c <= 3 ? weights_s : weights_s + layer_time_s(what.layer, what.x, what.y, Pass::backward_input, {}, machine);
}

/// What a layer takes besides its kernels when a host times it between two waits for the GPU, as the profiler of PipeDream does
/// around every module of PyTorch: the framework's call and the driver's launch, of which nothing hides behind the kernel before
/// it, and the wait itself. 13 and 4.8 us: see task.cpp and step.cpp; 10 us as for a copy that the host waits for (library.cpp).
constexpr double kTimedCall_s = (13.0 + 4.8 + 10.0) * us;

/// How many times the output's bytes a layer that only moves memory moves, forward and backward.
struct Passes {
  const char* name;
  double forward;
  double backward;
};
constexpr std::array<Passes, 5> kMoving = {Passes{"ReLU", 2, 3},           // x, y; y, dy, dx
                                           Passes{"BatchNorm2d", 3, 5},    // x for the sums and again, y; x, dy twice, dx
                                           Passes{"Dropout", 2.25, 2.25},  // and a mask of a byte
                                           Passes{"Concat", 2, 2}, Passes{"Add", 3, 0}};

double printed_layer_s(const CsvTable& table, std::size_t row, bool forward, const KernelMachine& machine) {
  const std::string& layer = table.text(row, "layer");
  const int batch = needed_count(table, row, "batch");
  const double output = needed(table, row, "output_bytes");
  if (batch < 1) throw NotDone("batch not stated");
  if (layer.starts_with("Conv2d(")) return product_s(convolution_of(layer, batch, output / 4), forward, machine);
  if (layer.starts_with("Linear(")) {
    const int in = setting(layer, "in_features", {0}).front();
    const int out = setting(layer, "out_features", {0}).front();
    if (in < 1 || out < 1) throw NotDone(cat("'", layer, "' states no features"));
    Linear linear;
    linear.out_features = out;
    return product_s({linear, {batch, std::max(in, 4), 1, 1}, {batch, out, 1, 1}}, forward, machine);
  }
  if (layer.starts_with("Size") || layer.starts_with("View")) return 0;  // only other words for the same memory
  const double rate = streaming_bytes_per_s(machine);
  if (layer.starts_with("MaxPool2d(") || layer.starts_with("AvgPool2d(")) {
    const int stride = setting(layer, "stride", {1}).front();
    const double moved = output * (static_cast<double>(stride) * stride + 1) * (forward ? 1 : 2);  // backward: x, y, dy, dx
    return moved * strided_accesses(square_window(1, std::max(stride, 1))) / rate;
  }
  for (const Passes& passes : kMoving)
    if (layer.starts_with(passes.name)) return output * (forward ? passes.forward : passes.backward) / rate;
  throw NotDone(cat("'", layer.substr(0, layer.find('(')), "' is no kernel of the network"));
}

/// Numbers in "a; b; c".
std::vector<double> listed(const std::string& text) {
  std::vector<double> numbers;
  for (std::size_t from = 0; from < text.size();) {
    const std::size_t end = std::min(text.find(';', from), text.size());
    if (const auto number = parse_number(std::string_view(text).substr(from, end - from))) numbers.push_back(*number);
    from = end + 1;
  }
  return numbers;
}

/// A convolution of stride 1 that keeps the image's size, from the elements of x, w and b and of y.
LayerAndShapes traced_convolution(int batch, double x, double w, double filters, double y) {
  const double pixels = y / batch / filters;
  if (!(pixels >= 1 && pixels < 1e9 && x / batch / pixels < 1e6 && w / filters < 1e9 && filters < 1e6))
    throw NotDone("the shapes do not follow from the numbers of elements");
  const int channels = static_cast<int>(std::lround(x / batch / pixels));
  const int side = static_cast<int>(std::lround(std::sqrt(pixels)));
  const int kernel = static_cast<int>(std::lround(std::sqrt(w / filters / std::max(channels, 1))));
  if (channels < 1 || side < 1 || kernel < 1) throw NotDone("the shapes do not follow from the numbers of elements");
  Conv2d conv;
  conv.out_channels = static_cast<int>(filters);
  conv.window = square_window(kernel, 1, kernel / 2);
  return {conv, {batch, channels, side, side}, {batch, static_cast<int>(filters), side, side}};
}

double traced_op_s(const CsvTable& table, std::size_t row, const KernelMachine& machine) {
  const std::string& layer = table.text(row, "layer");
  const int batch = needed_count(table, row, "batch");
  const std::vector<double> in = listed(table.text(row, "input_elements"));
  const std::vector<double> out = listed(table.text(row, "output_elements"));
  if (batch < 1 || in.empty() || out.empty()) throw NotDone("elements not stated");
  if (layer == "aten::conv2d" && in.size() == 3)
    return product_s(traced_convolution(batch, in[0], in[1], in[2], out[0]), true, machine);
  if (layer == "ConvolutionBackward0" && in.size() == 3 && out.size() == 3)
    return product_s(traced_convolution(batch, in[1], in[2], out[2], in[0]), false, machine);
  KernelMachine single = machine;  // the trace allows tf32 for convolutions only
  if (machine.tensor_cores && machine.element_bytes == 4) {
    single.tensor_cores = false;
    single.peak_flops_per_s = machine.vector_flops_per_s;
  }
  if (layer == "aten::linear" && in.size() == 3) {
    Linear linear;
    linear.out_features = static_cast<int>(in[2]);
    return product_s({linear, {batch, std::max(4, static_cast<int>(in[0] / batch)), 1, 1}, {batch, linear.out_features, 1, 1}},
                     true, single);
  }
  if (layer == "AddmmBackward0") throw NotDone("the operands of the product are not stated");
  const bool pooling = layer.find("max_pool2d") != std::string::npos || layer.find("MaxPool2D") != std::string::npos;
  double elements = 0;
  for (const double count : in) elements += count;
  for (const double count : out) elements += count;
  return elements * 4 * (pooling ? 2 : 1) / streaming_bytes_per_s(machine);  // these pool by 2
}

}  // namespace

std::vector<Prediction> predict_layers(const CsvTable& table, const AllHardware& hardware) {
  return each_row(table, "single_gpu_layer_profiles", [&](std::size_t row) {
    std::vector<Prediction> predictions;
    const KernelMachine machine = machine_of(table, row, hardware);
    const std::string& layer = table.text(row, "layer");
    for (const bool forward : {true, false}) {
      const auto measured = table.number(row, forward ? "forward_ms" : "backward_ms");
      if (!measured) continue;
      Prediction prediction{.what = cat(layer, forward ? ", forward" : ", backward"), .unit = "ms", .measured = *measured};
      const bool traced = !table.text(row, "input_elements").empty();
      const double time_s = traced ? traced_op_s(table, row, machine) : printed_layer_s(table, row, forward, machine);
      prediction.predicted = (traced ? std::max(time_s + 1.5 * us, machine.launch_s) : time_s + kTimedCall_s) / ms;
      prediction.how = traced ? "kernels" : "kernels, between two waits of the host";
      predictions.push_back(prediction);
    }
    if (predictions.empty()) throw NotDone("optimizer steps of single kernels are not predicted");
    return predictions;
  });
}

namespace {

/// As output_shape(), but padding may be as large as the window: two rows of DeepBench have it so.
Shape output_of(const Conv2d& conv, const Shape& x) {
  const Window& window = conv.window;
  if (window.stride_h < 1 || window.stride_w < 1 || conv.out_channels < 1) throw NotDone("stride or filters below 1");
  const int h = (x.h + 2 * window.padding_h - window.kernel_h) / window.stride_h + 1;
  const int w = (x.w + 2 * window.padding_w - window.kernel_w) / window.stride_w + 1;
  if (h < 1 || w < 1) throw NotDone("the filter is larger than the image");
  return {x.n, conv.out_channels, h, w};
}

}  // namespace

std::vector<Prediction> predict_convolutions(const CsvTable& table, const AllHardware& hardware) {
  static constexpr std::array<std::pair<const char*, Pass>, 3> kColumns = {
      std::pair{"forward_ms", Pass::forward}, std::pair{"backward_input_ms", Pass::backward_input},
      std::pair{"backward_weight_ms", Pass::backward_weights}};
  return each_row(table, "single_gpu_conv_layers", [&](std::size_t row) {
    KernelMachine machine = machine_of(table, row, hardware);
    // DeepBench asks for tensor cores and gives images as NCHW (code/nvidia/conv_bench.cu: CUDNN_TENSOR_NCHW,
    // CUDNN_TENSOR_OP_MATH), so that cuDNN turns them round.
    machine.converts_layout = true;
    machine.repeated = true;
    // Its V100 of 2017 had cuDNN 7.0, the first to know tensor cores, whose guide asks for multiples of 8.
    machine.pads_channels = machine.gpu->compute_capability != 70;
    const auto whole = [&](const char* column) { return needed_count(table, row, column); };
    const Shape x{whole("batch"), whole("in_c"), whole("in_h"), whole("in_w")};
    Conv2d conv;
    conv.out_channels = whole("out_c");
    conv.bias = false;
    conv.window = {.kernel_h = whole("filter_h"),
                   .kernel_w = whole("filter_w"),
                   .stride_h = whole("stride_h"),
                   .stride_w = whole("stride_w")};
    conv.window.padding_h = whole("pad_h");
    conv.window.padding_w = whole("pad_w");
    const Shape y = output_of(conv, x);
    std::vector<Prediction> predictions;
    for (const auto& [column, pass] : kColumns) {
      const auto measured = table.number(row, column);
      if (!measured) continue;
      Prediction prediction{.what = cat(to_string(x), " ", describe(conv), ", ", column), .unit = "ms", .measured = *measured};
      prediction.predicted = std::max(layer_time_s(conv, x, y, pass, {}, machine) + 1.5 * us, machine.launch_s) / ms;
      prediction.how = "kernels";
      predictions.push_back(prediction);
    }
    if (predictions.empty()) throw NotDone("no time stated");
    return predictions;
  });
}

}  // namespace convoy
