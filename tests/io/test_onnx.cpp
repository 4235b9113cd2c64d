#include <limits>
#include <span>

#include "reference/core/error.h"
#include "reference/io/onnx/to_model.h"
#include "tests/catch.h"
#include "tests/io/onnx_bytes.h"

using namespace convoy;
namespace ob = convoy::onnx_bytes;

namespace {

ReadModel read(const std::string& bytes) {
  return to_model(read_onnx_graph(std::as_bytes(std::span(bytes)), "net.onnx"), "net.onnx");
}

/// The message of the InputError that reading throws.
std::string complaint(const std::string& bytes) {
  try {
    read(bytes);
  } catch (const InputError& error) {
    return error.what();
  }
  return "none";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// One Conv of 3 filters of 1x8x8 with these attributes, then a mean over what comes out.
std::string one_conv(const std::string& attributes, const std::string& op = "Conv") {
  return ob::file(ob::weights("w", {3, 1, 3, 3}) + ob::node(op, "/stem/Conv", {"x", "w"}, "a", attributes) +
                  ob::node("GlobalAveragePool", "/pool/GlobalAveragePool", {"a"}, "b") +
                  ob::node("Flatten", "/Flatten", {"b"}, "y"));
}

}  // namespace

TEST_CASE("an ONNX file becomes nodes with PyTorch's names, its operators' settings and its values") {
  if (!can_read_onnx()) return;
  const ReadModel net = read(ob::small_network());
  std::vector<std::string> names;
  for (const Node& node : net.model.nodes) names.push_back(node.name + ": " + describe(node.layer));
  CHECK(net.model.image == Shape{1, 1, 8, 8});
  CHECK(net.model.classes == 3);
  REQUIRE(net.model.nodes.size() == 12);
  CHECK(net.model.nodes[0].name == "conv1");
  CHECK(net.model.nodes[1].name == "bn1");
  CHECK(net.model.nodes[3].name == "layer1.0.conv2");
  CHECK(net.model.nodes[4].inputs == std::vector<int>{3, 2});
  CHECK(std::holds_alternative<SoftmaxCrossEntropy>(net.model.nodes.back().layer));

  const auto& conv = std::get<Conv2d>(net.model.nodes[0].layer);
  CHECK(conv.bias);
  CHECK(conv.window == square_window(3, 1, 1));
  const auto& norm = std::get<BatchNorm2d>(net.model.nodes[1].layer);
  CHECK(norm.epsilon == Approx(0.001));
  CHECK(norm.momentum == Approx(0.25));  // ONNX counts what is kept, PyTorch what is new
  const auto& pool = std::get<AvgPool2d>(net.model.nodes[6].layer);
  CHECK(pool.window == square_window(3, 2, 1));  // the Pad before it is its padding now
  CHECK(pool.count_include_pad);

  for (const Parameter& parameter : parameters(net.model)) {
    INFO(parameter.name);
    const float first = parameter.name == "conv1.weight" ? -0.3F : parameter.name == "layer1.0.conv2.weight" ? -1.0F : 0.5F;
    for (std::int64_t i = 0; i < parameter.shape.count(); ++i)
      REQUIRE(net.values.weights[static_cast<std::size_t>(parameter.offset + i)] ==
              static_cast<double>(first + static_cast<float>(i) / 8));
  }
  REQUIRE(net.values.states.size() == 8);
  CHECK(net.values.states[4] == 1.0);
}

TEST_CASE("a MatMul and the Add behind it are one Linear, its weights turned") {
  if (!can_read_onnx()) return;
  const ReadModel net =
      read(ob::file(ob::weights("w", {64, 3}, 0) + ob::weights("b", {3}, 7) + ob::integers("shape", {0, -1}) +
                    ob::node("Reshape", "/Reshape", {"x", "shape"}, "a") + ob::node("MatMul", "/fc/MatMul", {"a", "w"}, "c") +
                    ob::node("Add", "/fc/Add", {"b", "c"}, "d") + ob::node("Softmax", "/Softmax", {"d"}, "y")));
  REQUIRE(net.model.nodes.size() == 3);
  CHECK(net.model.nodes[1].name == "fc");
  CHECK(std::get<Linear>(net.model.nodes[1].layer).bias);
  const std::vector<Parameter> all = parameters(net.model);
  REQUIRE(all.size() == 2);
  for (int k = 0; k < 3; ++k)
    for (int c = 0; c < 64; ++c)
      REQUIRE(net.values.weights[static_cast<std::size_t>(all[0].offset + k * 64 + c)] == (c * 3 + k) / 8.0);
  CHECK(net.values.weights[static_cast<std::size_t>(all[1].offset)] == 7.0);
}

namespace {

/// The layers behind the convolution of a network of `middle`, which reads "a" [N,4,8,8] and makes "z", as descriptions.
std::vector<std::string> layers_of(const std::string& middle) {
  const ReadModel net = read(ob::file(
      ob::weights("w", {4, 1, 3, 3}) + ob::weights("v", {4, 4, 1, 1}) + ob::weights("zero", {1}, 0.0F) +
      ob::weights("six", {1}, 6.0F) + ob::integers("five", {-1, 2, 2, 8, 8}) + ob::integers("four", {0, 4, 8, 8}) +
      ob::integers("one", {1}) + ob::integers("two", {2}) + ob::integers("halves", {2, 2}) +
      ob::integers("end", {std::numeric_limits<std::int64_t>::max()}) +
      ob::node("Conv", "/stem/Conv", {"x", "w"}, "a", ob::of_ints("pads", {1, 1, 1, 1})) + middle +
      ob::node("GlobalAveragePool", "/pool/GlobalAveragePool", {"z"}, "p") + ob::node("Flatten", "/Flatten", {"p"}, "y")));
  std::vector<std::string> found;
  for (std::size_t i = 1; i + 2 < net.model.nodes.size(); ++i) found.push_back(describe(net.model.nodes[i].layer));
  return found;
}
std::string complaint_about(const std::string& middle) {
  try {
    layers_of(middle);
  } catch (const InputError& error) {
    return error.what();
  }
  return "none";
}
using Layers = std::vector<std::string>;

}  // namespace

TEST_CASE("activations of ONNX files, also those that are written as several operators") {
  if (!can_read_onnx()) return;
  CHECK(layers_of(ob::node("Clip", "/c/Clip", {"a", "zero", "six"}, "z")) == Layers{"ReLU6"});
  CHECK(layers_of(ob::node("Clip", "/c/Clip", {"a"}, "z", ob::of_float("min", 0) + ob::of_float("max", 6))) == Layers{"ReLU6"});
  CHECK(layers_of(ob::node("Clip", "/c/Clip", {"a", "zero"}, "z")) == Layers{"ReLU"});
  CHECK(layers_of(ob::node("HardSwish", "/h/HardSwish", {"a"}, "z")) == Layers{"HardSwish"});
  CHECK(layers_of(ob::node("Tanh", "/t/Tanh", {"a"}, "z")) == Layers{"Tanh"});
  const std::string sixth = ob::of_float("alpha", 1.0F / 6) + ob::of_float("beta", 0.5F);
  CHECK(layers_of(ob::node("HardSigmoid", "/h/HardSigmoid", {"a"}, "z", sixth)) == Layers{"HardSigmoid"});
  // x sigmoid(x), in either order; where others read the sigmoid too, it stays, and a product of two images is refused.
  for (const auto& order : {std::vector<std::string>{"a", "s"}, std::vector<std::string>{"s", "a"}}) {
    const std::string silu = ob::node("Sigmoid", "/s/Sigmoid", {"a"}, "s") + ob::node("Mul", "/s/Mul", order, "z");
    CHECK(layers_of(silu) == Layers{"SiLU"});
    const std::string swish =
        ob::node("HardSigmoid", "/s/HardSigmoid", {"a"}, "s", sixth) + ob::node("Mul", "/s/Mul", order, "z");
    CHECK(layers_of(swish) == Layers{"HardSwish"});
  }
  const std::string read_twice = ob::node("Sigmoid", "/s/Sigmoid", {"a"}, "s") + ob::node("Mul", "/s/Mul", {"a", "s"}, "m") +
                                 ob::node("Add", "/Add", {"m", "s"}, "z");
  CHECK(contains(complaint_about(read_twice), "node '/s/Mul' (Mul)"));

  CHECK(contains(complaint_about(ob::node("Clip", "/c/Clip", {"a", "six"}, "z")), "it clips to 6"));
  CHECK(contains(complaint_about(ob::node("HardSigmoid", "/h/HardSigmoid", {"a"}, "z")), "alpha and beta are 0.2"));
  CHECK(contains(complaint_about(ob::node("Mul", "/m/Mul", {"a", "six"}, "z")), "'six' is values of the file"));
}

TEST_CASE("channels that are scaled, divided and shuffled in ONNX files") {
  if (!can_read_onnx()) return;
  const std::string gate = ob::node("GlobalAveragePool", "/se/GlobalAveragePool", {"a"}, "g") +
                           ob::node("Conv", "/se/Conv", {"g", "v"}, "h") + ob::node("Sigmoid", "/se/Sigmoid", {"h"}, "s");
  for (const auto& order : {std::vector<std::string>{"a", "s"}, std::vector<std::string>{"s", "a"}})
    CHECK(layers_of(gate + ob::node("Mul", "/se/Mul", order, "z")) ==
          Layers{"GlobalAvgPool2d", "Conv2d 1x1, 4 filters", "Sigmoid", "Scale"});

  const std::string shuffle = ob::node("Reshape", "/Reshape", {"a", "five"}, "r") +
                              ob::node("Transpose", "/Transpose", {"r"}, "t", ob::of_ints("perm", {0, 2, 1, 3, 4}));
  CHECK(layers_of(shuffle + ob::node("Reshape", "/Reshape_1", {"t", "four"}, "z")) ==
        Layers{"ChannelSelect 0 to 3, 2 groups shuffled"});
  CHECK(contains(complaint_about(shuffle + ob::node("Relu", "/Relu", {"t"}, "z")),
                 "node '/Relu' (Relu): it reads a tensor of five"));
  CHECK(contains(complaint_about(ob::node("Reshape", "/Reshape", {"a", "five"}, "r") +
                                 ob::node("Reshape", "/Reshape_1", {"r", "four"}, "z")),
                 "node '/Reshape_1' (Reshape)"));
  CHECK(contains(complaint_about(ob::node("Transpose", "/Transpose", {"a"}, "z", ob::of_ints("perm", {0, 2, 3, 1}))),
                 "only between the two Reshapes"));

  // chunk(2, 1), as a Split's first output and as PyTorch writes it: half of what Shape says.
  const std::string split =
      ob::bytes_of(1, ob::bytes_of(1, "a") + ob::bytes_of(1, "halves") + ob::bytes_of(2, "l") + ob::bytes_of(2, "r") +
                          ob::bytes_of(3, "/Split") + ob::bytes_of(4, "Split") + ob::of_int("axis", 1));
  CHECK(layers_of(split + ob::node("Concat", "/Concat", {"r", "l"}, "z", ob::of_int("axis", 1))) ==
        Layers{"ChannelSelect 0 to 1", "ChannelSelect 2 to 3", "Concat"});
  CHECK(contains(complaint_about(ob::node("Split", "/Split", {"a", "halves"}, "z", ob::of_int("axis", 1))), "do not add up"));
  const std::string half = ob::node("Shape", "/Shape", {"a"}, "n") + ob::node("Gather", "/Gather", {"n", "one"}, "c") +
                           ob::node("Div", "/Div", {"c", "two"}, "half");
  CHECK(layers_of(half + ob::node("Slice", "/Slice", {"a", "half", "end", "one"}, "z")) == Layers{"ChannelSelect 2 to 3"});
  CHECK(contains(complaint_about(half + ob::node("Slice", "/Slice", {"a", "half", "end", "two"}, "z")), "cuts channels only"));
}

TEST_CASE("what Convoy does not have is refused with file, node and operator") {
  if (!can_read_onnx()) return;
  const std::string unknown = complaint(one_conv("", "ConvTranspose"));
  CHECK(contains(unknown, "'net.onnx', node '/stem/Conv' (ConvTranspose)"));
  CHECK(contains(unknown, "BatchNormalization, Clip, Concat"));
  CHECK(complaint(one_conv("")) == "none");
  CHECK(contains(complaint(one_conv(ob::of_ints("pads", {2, 1, 0, 1}))), "2 above, 0 below"));
  CHECK(contains(complaint(one_conv(ob::of_text("auto_pad", "SAME_UPPER"))), "auto_pad is SAME_UPPER"));
  CHECK(contains(complaint(one_conv(ob::of_ints("strides", {0, 1}))), "strides is 0"));
  CHECK(contains(complaint(one_conv(ob::of_ints("strides", {1, 1, 1}))), "strides has 3 numbers"));
  CHECK(contains(complaint(one_conv(ob::of_ints("kernel_shape", {5, 5}))), "not that of its filters"));
  CHECK(contains(complaint(one_conv(ob::of_int("group", 2))), "/stem/Conv"));
}

TEST_CASE("a file that is no network is refused with a sentence") {
  if (!can_read_onnx()) {
    CHECK(contains(complaint(ob::small_network()), "built"));
    return;
  }
  CHECK(contains(complaint("hello"), "'net.onnx' is not an ONNX file"));
  CHECK(contains(complaint(""), "'net.onnx' is not an ONNX file"));
  const std::string good = ob::small_network();
  CHECK(contains(complaint(good.substr(0, good.size() / 2)), "'net.onnx'"));
  CHECK(contains(complaint(ob::file(ob::weights("w", {3, 1, 3, 3}), {0, 1, 8, 0})), "'net.onnx'"));
  CHECK(contains(complaint(ob::file(ob::node("Relu", "r", {"x"}, "y"), {0, 3, 0, 8})), "fixed C, H and W"));
  CHECK(contains(complaint(ob::file(ob::node("Relu", "r", {"x"}, "y"), {0, 3, 8, 8})), "one number a class"));
}
