#include "reference/io/onnx/to_model.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <deque>
#include <limits>
#include <optional>
#include <set>

#include "reference/core/error.h"
#include "reference/io/onnx/attributes.h"

namespace convoy {
namespace {

using Extents = std::vector<std::int64_t>;
/// No number that a file can mean.
constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::min();

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

class Converter {
 public:
  Converter(OnnxGraph graph, const std::string& file) : graph_(std::move(graph)), file_(file), constants_(graph_.constants) {}

  ReadModel run(const std::string& model_name) {
    find_needed();
    read_images();
    model_.name = model_name;
    for (const OnnxNode& node : graph_.nodes)
      if (needed(node)) convert(node);
    return finish();
  }

 private:
  /// What a name of the graph stands for: the output of a node, or the images.
  struct Tensor {
    int node = kImages;
    std::array<int, 4> padding = {};  ///< zeros around it, above, left, below, right, that a Pad asks for
    bool is_matrix = false;           ///< seen as [N, features]
    int groups = 0;                   ///< not 0: seen as [N, groups, C/groups, H, W], on the way to a shuffle of channels
    bool transposed = false;          ///< seen as [N, C/groups, groups, H, W]
  };
  /// Learned values by the name of the parameter; they lie in constants_ or in transposed_, whose elements stay where they are.
  using Learned = std::map<std::string, const std::vector<double>*>;

  // --- what is needed, and names ---

  void find_needed() {
    std::set<std::string> wanted = {graph_.output};
    for (auto node = graph_.nodes.rbegin(); node != graph_.nodes.rend(); ++node)
      if (std::any_of(node->outputs.begin(), node->outputs.end(), [&](const std::string& y) { return wanted.contains(y); }))
        wanted.insert(node->inputs.begin(), node->inputs.end());
    for (const OnnxNode& node : graph_.nodes)
      for (const std::string& x : node.inputs) ++readers_[x];
    wanted_ = std::move(wanted);
  }
  [[nodiscard]] bool needed(const OnnxNode& node) const {
    return std::any_of(node.outputs.begin(), node.outputs.end(), [&](const std::string& y) { return wanted_.contains(y); });
  }

  void read_images() {
    const Extents& extents = graph_.input_extents;
    const bool fits = extents.size() == 4 && std::all_of(extents.begin() + 1, extents.end(),
                                                         [](std::int64_t extent) { return extent > 0 && extent <= 65536; });
    if (!fits)
      throw InputError(cat("'", file_, "': its input '", graph_.input,
                           "' must have the extents N,C,H,W with fixed C, H and W; only the batch may be left open"));
    model_.image = {1, static_cast<int>(extents[1]), static_cast<int>(extents[2]), static_cast<int>(extents[3])};
    tensors_[graph_.input] = {};
  }

  std::string unused_name(std::string name) {
    const std::string base = name;
    for (int copy = 2; !names_.insert(name).second; ++copy) name = cat(base, "_", copy);
    return name;
  }
  /// PyTorch's name of the layer whose weight this is, else the name of its module.
  std::string name_of(const OnnxNode& node) {
    const std::string suffix = ".weight";
    if (node.inputs.size() > 1 && node.inputs[1].ends_with(suffix) && node.inputs[1].find("::") == std::string::npos)
      return unused_name(node.inputs[1].substr(0, node.inputs[1].size() - suffix.size()));
    return unused_name(module_name(node));
  }

  // --- operands ---

  [[nodiscard]] const OnnxTensor* constant(const OnnxNode& node, std::size_t i) const {
    if (i >= node.inputs.size()) return nullptr;
    const auto found = constants_.find(node.inputs[i]);
    return found == constants_.end() ? nullptr : &found->second;
  }
  const OnnxTensor& learned(const OnnxNode& node, std::size_t i, const char* what) const {
    const OnnxTensor* found = constant(node, i);
    if (found == nullptr)
      at(node).refuse("its ", what, " must be values in the file",
                      i < node.inputs.size() ? cat(", and '", node.inputs[i], "' is calculated") : "");
    return *found;
  }
  std::vector<std::int64_t> integers_of(const OnnxNode& node, const OnnxTensor& listed) const {
    std::vector<std::int64_t> integers;
    for (const double value : listed.values) {
      if (value != std::floor(value)) at(node).refuse("it is set with ", value, ", which is no integer");
      integers.push_back(
          static_cast<std::int64_t>(std::clamp(value, -1e9, 1e9)));  // "to the end" is the largest integer there is
    }
    return integers;
  }
  const Tensor& tensor(const OnnxNode& node, std::size_t i) const {
    if (i >= node.inputs.size()) at(node).refuse("it has ", node.inputs.size(), " inputs");
    const auto found = tensors_.find(node.inputs[i]);
    if (found == tensors_.end()) at(node).refuse("its input '", node.inputs[i], "' is not made by a layer before it");
    return found->second;
  }
  /// The same where zeros around it are not welcome.
  int plain(const OnnxNode& node, std::size_t i) const {
    const Tensor& x = tensor(node, i);
    if (x.padding != std::array<int, 4>{}) at(node).refuse("it reads a Pad; Convoy pads only before Conv and AveragePool");
    refuse_grouped(node, x);
    return x.node;
  }
  void refuse_grouped(const OnnxNode& node, const Tensor& x) const {
    if (x.groups != 0) at(node).refuse("it reads a tensor of five extents; Convoy reads these only where they shuffle channels");
  }
  [[nodiscard]] Shape shape_of(int node) const {
    return node == kImages ? model_.image : shapes_[static_cast<std::size_t>(node)];
  }
  [[nodiscard]] OnnxAttributes at(const OnnxNode& node) const { return {node, file_}; }

  // --- results ---

  void emit(const OnnxNode& node, Layer layer, std::vector<int> inputs, Learned values = {}, bool is_matrix = false,
            std::size_t output = 0) {
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
  void alias(const OnnxNode& node, Tensor x) { tensors_[node.outputs.at(0)] = x; }

  // --- operators ---

  void convert(const OnnxNode& node) {
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

  /// Shapes that a file calculates from the shape of a tensor: what this takes with known numbers becomes a value. The batch,
  /// which is open, is -1.
  bool fold(const OnnxNode& node) {
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
  static std::optional<OnnxTensor> folded(const std::string& op, const std::vector<const OnnxTensor*>& values) {
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

  void define(const OnnxNode& node, OnnxTensor value) {
    if (!constants_.emplace(node.outputs[0], std::move(value)).second)
      at(node).refuse("'", node.outputs[0], "' has a value already");
  }
  void constant_value(const OnnxNode& node) {
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

  void identity(const OnnxNode& node) {
    if (const OnnxTensor* value = constant(node, 0)) {
      define(node, *value);
    } else {
      alias(node, tensor(node, 0));
    }
  }

  void conv(const OnnxNode& node) {
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

  int small(const OnnxNode& node, std::int64_t extent) const {
    if (extent < 1 || extent > 1'000'000) at(node).refuse("an extent of its weights is ", extent);
    return static_cast<int>(extent);
  }

  void gemm(const OnnxNode& node) {
    for (const char* factor : {"alpha", "beta"})
      if (at(node).number(factor, 1) != 1) at(node).refuse(factor, " must be 1 for Convoy");
    at(node).require_integer("transA", 0);
    linear(node, at(node).integer("transB", 0) != 0, node.inputs.size() > 2 && !node.inputs[2].empty());
  }
  void mat_mul(const OnnxNode& node) { linear(node, false, false); }

  /// y = x w (+ b), w being [features, outputs], or [outputs, features] when it is transposed already.
  void linear(const OnnxNode& node, bool transposed, bool bias) {
    const int x = plain(node, 0);
    const OnnxTensor& w = learned(node, 1, "weights");
    if (w.extents.size() != 2) at(node).refuse("its weights must be a matrix");
    const std::int64_t outputs = w.extents[transposed ? 0 : 1];
    const std::int64_t features = w.extents[transposed ? 1 : 0];
    if (features != shape_of(x).sample_count())
      at(node).refuse("its weights take ", features, " features and its input has ", shape_of(x).sample_count());
    Learned values = {{"weight", transposed ? &w.values : &transpose(w)}};
    if (bias) values["bias"] = &learned(node, 2, "bias").values;
    emit(node, Linear{.out_features = small(node, outputs), .bias = bias}, {x}, std::move(values), true);
  }

  const std::vector<double>& transpose(const OnnxTensor& w) {
    const auto rows = static_cast<std::size_t>(w.extents[0]);
    const auto columns = static_cast<std::size_t>(w.extents[1]);
    std::vector<double>& values = transposed_.emplace_back(w.values.size());
    for (std::size_t row = 0; row < rows; ++row)
      for (std::size_t column = 0; column < columns; ++column) values[column * rows + row] = w.values[row * columns + column];
    return values;
  }

  void batch_norm(const OnnxNode& node) {
    const int x = plain(node, 0);
    emit(node, BatchNorm2d{.epsilon = at(node).number("epsilon", 1e-5), .momentum = 1 - at(node).number("momentum", 0.9)}, {x},
         {{"weight", &learned(node, 1, "scale").values},
          {"bias", &learned(node, 2, "bias").values},
          {"running_mean", &learned(node, 3, "mean").values},
          {"running_var", &learned(node, 4, "variance").values}});
  }

  void max_pool(const OnnxNode& node) {
    at(node).require_integer("storage_order", 0);
    const int x = plain(node, 0);
    emit(node, MaxPool2d{at(node).window({0, 0}, {})}, {x});
  }

  void average_pool(const OnnxNode& node) {
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

  void global_average_pool(const OnnxNode& node) { emit(node, GlobalAvgPool2d{}, {plain(node, 0)}); }

  void reduce_mean(const OnnxNode& node) {
    std::vector<std::int64_t> axes;
    if (node.ints.contains("axes")) axes = node.ints.at("axes");
    if (const OnnxTensor* listed = constant(node, 1)) axes = integers_of(node, *listed);
    for (std::int64_t& axis : axes) axis = axis < 0 ? axis + 4 : axis;
    std::sort(axes.begin(), axes.end());
    if (axes != std::vector<std::int64_t>{2, 3}) at(node).refuse("Convoy takes means over rows and columns only (axes 2 and 3)");
    emit(node, GlobalAvgPool2d{}, {plain(node, 0)}, {}, at(node).integer("keepdims", 1) == 0);
  }

  void element_wise(const OnnxNode& node, const Layer& layer) {
    const bool is_matrix = tensor(node, 0).is_matrix;
    emit(node, layer, {plain(node, 0)}, {}, is_matrix);
  }
  void relu(const OnnxNode& node) { element_wise(node, ReLU{}); }
  void sigmoid(const OnnxNode& node) { element_wise(node, Activation{ActivationFunction::sigmoid}); }
  void tanh(const OnnxNode& node) { element_wise(node, Activation{ActivationFunction::tanh}); }
  void hard_swish(const OnnxNode& node) { element_wise(node, Activation{ActivationFunction::hard_swish}); }
  void hard_sigmoid(const OnnxNode& node) {
    const double alpha = at(node).number("alpha", 0.2), beta = at(node).number("beta", 0.5);
    if (!(std::abs(alpha - 1.0 / 6) < 1e-6) || beta != 0.5)
      at(node).refuse("alpha and beta are ", alpha, " and ", beta, "; Convoy has the hard sigmoid of MobileNet-V3: 1/6 and 0.5");
    element_wise(node, Activation{ActivationFunction::hard_sigmoid});
  }
  void clip(const OnnxNode& node) {
    const double infinity = std::numeric_limits<double>::infinity();
    const double low = limit(node, "min", 1, -infinity), high = limit(node, "max", 2, infinity);
    if (low == 0 && high >= std::numeric_limits<float>::max()) return element_wise(node, ReLU{});
    if (low != 0 || high != 6)
      at(node).refuse("it clips to ", low, " to ", high, "; Convoy has 0 to 6 (ReLU6) and 0 to infinity (ReLU)");
    element_wise(node, Activation{ActivationFunction::relu6});
  }
  /// A number that is an attribute in old files and an input in others; `otherwise` where it is neither.
  double limit(const OnnxNode& node, const std::string& attribute, std::size_t input, double otherwise) const {
    if (input >= node.inputs.size() || node.inputs[input].empty()) return at(node).number(attribute, otherwise);
    const OnnxTensor& value = learned(node, input, attribute.c_str());
    if (value.values.size() != 1) at(node).refuse("its ", attribute, " must be one number");
    return value.values[0];
  }

  /// x sigmoid(x) is SiLU and x hard_sigmoid(x) is hard swish, as PyTorch exports them; else the channels of an image times a
  /// number each.
  void mul(const OnnxNode& node) {
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
  /// Whether node `gate` is a sigmoid, hard or not, of what node `x` makes.
  [[nodiscard]] bool gates(int gate, int x) const {
    if (gate == kImages) return false;
    const Node& node = model_.nodes[static_cast<std::size_t>(gate)];
    const auto* activation = std::get_if<Activation>(&node.layer);
    return activation != nullptr && node.inputs.front() == x &&
           (activation->function == ActivationFunction::sigmoid || activation->function == ActivationFunction::hard_sigmoid);
  }

  /// The channels of each output; they are equally many where the file does not say how many.
  void split(const OnnxNode& node) {
    const int axis = at(node).integer("axis", 0, -4);
    if (axis != 1 && axis != -3) at(node).refuse("axis is ", axis, "; Convoy divides channels (axis 1)");
    const int x = plain(node, 0);
    const int channels = shape_of(x).c;
    std::vector<std::int64_t> parts(node.outputs.size(), channels / std::ssize(node.outputs));
    if (node.ints.contains("split")) parts = node.ints.at("split");
    if (node.inputs.size() > 1 && !node.inputs[1].empty()) parts = integers_of(node, learned(node, 1, "parts"));
    bool fits = parts.size() == node.outputs.size();
    std::int64_t sum = 0;
    for (const std::int64_t part : parts) {
      fits = fits && part > 0 && part <= channels;
      sum += fits ? part : 0;
    }
    if (!fits || sum != channels) at(node).refuse("its parts do not add up to the ", channels, " channels that it divides");
    int first = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      emit(node, ChannelSelect{.first = first, .count = static_cast<int>(parts[i])}, {x}, {}, false, i);
      first += static_cast<int>(parts[i]);
    }
  }

  /// Some channels, one after the other.
  void slice(const OnnxNode& node) {
    const auto number = [&](const char* attribute, std::size_t input, std::int64_t otherwise) {
      if (input < node.inputs.size() && !node.inputs[input].empty()) {
        const std::vector<std::int64_t> values = integers_of(node, learned(node, input, attribute));
        return values.size() == 1 ? values[0] : kUnknown;
      }
      const auto found = node.ints.find(attribute);
      return found == node.ints.end() ? otherwise : found->second.size() == 1 ? found->second[0] : kUnknown;
    };
    const int x = plain(node, 0);
    const std::int64_t channels = shape_of(x).c;
    std::int64_t begin = number("starts", 1, kUnknown), end = number("ends", 2, kUnknown);
    if (number("axes", 3, 0) != 1 || number("steps", 4, 1) != 1 || begin == kUnknown || end == kUnknown)
      at(node).refuse("Convoy cuts channels only (one axis, which is 1), in steps of 1");
    begin = std::clamp<std::int64_t>(begin < 0 ? begin + channels : begin, 0, channels);
    end = std::clamp<std::int64_t>(end < 0 ? end + channels : end, 0, channels);
    if (begin >= end) at(node).refuse("it cuts out no channel of ", channels);
    emit(node, ChannelSelect{.first = static_cast<int>(begin), .count = static_cast<int>(end - begin)}, {x});
  }

  /// Swapped groups and channels: the middle of a shuffle.
  void transpose(const OnnxNode& node) {
    Tensor x = tensor(node, 0);
    const auto order = node.ints.find("perm");
    if (x.groups == 0 || x.transposed || order == node.ints.end() || order->second != std::vector<std::int64_t>{0, 2, 1, 3, 4})
      at(node).refuse("Convoy reads a Transpose only between the two Reshapes that shuffle channels");
    x.transposed = true;
    alias(node, x);
  }

  void local_response_norm(const OnnxNode& node) {
    emit(node,
         LocalResponseNorm{.size = at(node).integer("size", 5, 1),
                           .alpha = at(node).number("alpha", 1e-4),
                           .beta = at(node).number("beta", 0.75),
                           .k = at(node).number("bias", 1)},
         {plain(node, 0)});
  }

  void dropout(const OnnxNode& node) {
    const OnnxTensor* given = constant(node, 1);
    const double probability = given != nullptr && given->values.size() == 1 ? given->values[0] : at(node).number("ratio", 0.5);
    if (!(probability >= 0 && probability < 1)) at(node).refuse("its probability is ", probability);
    const Tensor x = tensor(node, 0);
    if (probability == 0) return alias(node, x);
    emit(node, Dropout{probability}, {plain(node, 0)}, {}, x.is_matrix);
  }

  /// Of two tensors, or a bias that follows a MatMul.
  void add(const OnnxNode& node) {
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
  void sum(const OnnxNode& node) { several(node, Add{}); }
  void concat(const OnnxNode& node) {
    const int axis =
        node.ints.contains("axis") && node.ints.at("axis").size() == 1 ? static_cast<int>(node.ints.at("axis")[0]) : 1;
    if (axis != 1 && axis != -3) at(node).refuse("axis is ", axis, "; Convoy joins channels (axis 1)");
    several(node, Concat{});
  }
  void several(const OnnxNode& node, Layer layer) {
    std::vector<int> inputs;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) inputs.push_back(plain(node, i));
    if (inputs.empty()) at(node).refuse("it has no inputs");
    emit(node, std::move(layer), std::move(inputs), {}, tensor(node, 0).is_matrix);
  }

  void flatten(const OnnxNode& node) {
    const auto axis = node.ints.find("axis");
    if (axis != node.ints.end() && axis->second != std::vector<std::int64_t>{1} && axis->second != std::vector<std::int64_t>{-3})
      at(node).refuse("axis must be 1");
    as_matrix(node);
  }
  /// [N,C,H,W] seen as [N, C*H*W]: the layers behind it do that by themselves, but for Add and Concat, which see the difference.
  void as_matrix(const OnnxNode& node) {
    const int x = plain(node, 0);
    const Shape shape = shape_of(x);
    if (shape.h == 1 && shape.w == 1) return alias(node, {.node = x, .is_matrix = true});
    emit(node, Flatten{}, {x}, {}, true);
  }
  void reshape(const OnnxNode& node) {
    const OnnxTensor& to = learned(node, 1, "shape");
    if (reshapes_to_shuffle(node, to.values)) return;
    const auto features = static_cast<double>(shape_of(plain(node, 0)).sample_count());
    const bool flattens = to.values.size() == 2 && (to.values[1] == -1 || to.values[1] == features);
    if (!flattens) at(node).refuse("Convoy reads a Reshape only as [N, C*H*W], or where it shuffles channels");
    as_matrix(node);
  }
  /// [N,C,H,W] to [N, groups, C/groups, H, W], or back behind a Transpose.
  bool reshapes_to_shuffle(const OnnxNode& node, const std::vector<double>& to) {
    Tensor x = tensor(node, 0);
    if (x.padding != std::array<int, 4>{} || x.is_matrix) return false;
    const Shape shape = shape_of(x.node);
    const auto is = [](double extent, double expected) { return extent == expected || extent == -1; };
    if (x.groups == 0 && to.size() == 5) {
      const double groups = to[1];
      if (!(groups >= 1 && groups <= shape.c) || groups != std::floor(groups) || shape.c % static_cast<int>(groups) != 0 ||
          !is(to[2], shape.c / groups) || !is(to[3], shape.h) || !is(to[4], shape.w))
        return false;
      x.groups = static_cast<int>(groups);
      alias(node, x);
      return true;
    }
    if (!x.transposed || to.size() != 4 || !is(to[1], shape.c) || !is(to[2], shape.h) || !is(to[3], shape.w)) return false;
    emit(node, ChannelSelect{.count = shape.c, .groups = x.groups}, {x.node});
    return true;
  }
  void squeeze(const OnnxNode& node) {
    const Shape shape = shape_of(plain(node, 0));
    if (shape.h != 1 || shape.w != 1) at(node).refuse("Convoy reads a Squeeze only of images of one pixel");
    alias(node, {.node = plain(node, 0), .is_matrix = true});
  }

  void pad(const OnnxNode& node) {
    const auto mode = node.strings.find("mode");
    if (mode != node.strings.end() && mode->second != "constant")
      at(node).refuse("mode is ", mode->second, "; Convoy pads with 0");
    const OnnxTensor* value = constant(node, 2);
    if (value != nullptr && !value->values.empty() && value->values[0] != 0) at(node).refuse("Convoy pads with 0 only");
    std::vector<double> pads;
    if (const OnnxTensor* listed = constant(node, 1)) pads = listed->values;
    if (node.ints.contains("pads")) pads.assign(node.ints.at("pads").begin(), node.ints.at("pads").end());
    const bool whole = pads.size() == 8 && std::all_of(pads.begin(), pads.end(), [](double p) { return p >= 0 && p <= 65536; });
    if (!whole || pads[0] != 0 || pads[1] != 0 || pads[4] != 0 || pads[5] != 0)
      at(node).refuse("Convoy pads rows and columns only, with known numbers");
    Tensor x = tensor(node, 0);
    const std::array<std::size_t, 4> order = {2, 3, 6, 7};
    for (std::size_t i = 0; i < order.size(); ++i) x.padding[i] += static_cast<int>(pads[order[i]]);
    alias(node, x);
  }

  void softmax(const OnnxNode& node) {
    if (node.outputs[0] != graph_.output) at(node).refuse("Convoy has a softmax at the end of a network only, in its loss");
    alias(node, tensor(node, 0));
  }

  using Operator = void (Converter::*)(const OnnxNode&);
  static const std::map<std::string, Operator>& operators() {
    static const std::map<std::string, Operator> table = {
        {"Add", &Converter::add},
        {"AveragePool", &Converter::average_pool},
        {"BatchNormalization", &Converter::batch_norm},
        {"Clip", &Converter::clip},
        {"Concat", &Converter::concat},
        {"Constant", &Converter::constant_value},
        {"Conv", &Converter::conv},
        {"Dropout", &Converter::dropout},
        {"Flatten", &Converter::flatten},
        {"Gemm", &Converter::gemm},
        {"GlobalAveragePool", &Converter::global_average_pool},
        {"HardSigmoid", &Converter::hard_sigmoid},
        {"HardSwish", &Converter::hard_swish},
        {"Identity", &Converter::identity},
        {"LRN", &Converter::local_response_norm},
        {"LogSoftmax", &Converter::softmax},
        {"MatMul", &Converter::mat_mul},
        {"MaxPool", &Converter::max_pool},
        {"Mul", &Converter::mul},
        {"Pad", &Converter::pad},
        {"ReduceMean", &Converter::reduce_mean},
        {"Relu", &Converter::relu},
        {"Reshape", &Converter::reshape},
        {"Sigmoid", &Converter::sigmoid},
        {"Slice", &Converter::slice},
        {"Softmax", &Converter::softmax},
        {"Split", &Converter::split},
        {"Squeeze", &Converter::squeeze},
        {"Sum", &Converter::sum},
        {"Tanh", &Converter::tanh},
        {"Transpose", &Converter::transpose},
    };
    return table;
  }

  // --- the end ---

  ReadModel finish() {
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

  void collect(const std::vector<Parameter>& tensors, std::vector<double>& values) const {
    for (const Parameter& tensor : tensors) {
      const std::string suffix = tensor.name.substr(model_.nodes[static_cast<std::size_t>(tensor.node)].name.size() + 1);
      const std::vector<double>& own = *values_[static_cast<std::size_t>(tensor.node)].at(suffix);
      values.insert(values.end(), own.begin(), own.end());
    }
  }

  OnnxGraph graph_;
  const std::string& file_;
  std::map<std::string, OnnxTensor>& constants_;  ///< of graph_; Constant adds to them
  std::deque<std::vector<double>> transposed_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, int> readers_;
  std::set<std::string> wanted_;
  std::set<std::string> names_;
  Model model_;
  std::vector<Shape> shapes_;    ///< outputs of the nodes for one image
  std::vector<Learned> values_;  ///< by node
};

}  // namespace

ReadModel to_model(OnnxGraph graph, const std::string& file) {
  const std::string name = graph.name.empty() ? "onnx" : graph.name;
  return Converter(std::move(graph), file).run(name);
}

}  // namespace convoy
