#include "reference/model/model.h"

#include <cmath>
#include <numeric>

#include "reference/model/builder.h"
#include "reference/model/zoo.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

Model tiny() {
  ModelBuilder net("tiny", {1, 2, 6, 6}, 3);
  net.add("conv", Conv2d{4, square_window(3)});
  net.add("relu", ReLU{});
  net.add("nobias", Linear{5, false});
  net.add("fc", Linear{3});
  return net.finish();
}

/// A fork, a skip and a Concat with the images.
Model branched() {
  ModelBuilder net("branched", {1, 2, 6, 5}, 3);
  const int conv = net.add("conv", Conv2d{4, square_window(3, 1, 1), false});
  const int norm = net.add("bn", BatchNorm2d{});
  const int relu = net.add("relu", ReLU{});
  const int depthwise = net.add("depthwise", Conv2d{4, square_window(3, 1, 1), true, 4});
  const int sum = net.add("add", Add{}, {depthwise, relu, norm});
  net.add("bn2", BatchNorm2d{}, {sum});
  net.add("concat", Concat{}, {sum + 1, kImages, conv});
  net.add("bn3", BatchNorm2d{});
  net.add("average", GlobalAvgPool2d{});
  net.add("fc", Linear{3});
  return net.finish();
}

/// check(model) must refuse and say `words`.
void refused(const Model& model, const std::string& words) {
  try {
    check(model);
    FAIL("accepted; expected: " << words);
  } catch (const std::invalid_argument& error) {
    INFO(error.what());
    REQUIRE(std::string(error.what()).find(words) != std::string::npos);
  }
}

}  // namespace

TEST_CASE("parameters lie without gaps in the order in which backward finishes them") {
  for (const Model& model : {tiny(), branched(), make_lenet5(), make_resnet20(), make_vgg16()}) {
    INFO(model.name);
    std::int64_t next = 0;
    int node = static_cast<int>(model.nodes.size());
    for (const Parameter& parameter : parameters(model)) {
      REQUIRE(parameter.offset == next);
      REQUIRE(parameter.node <= node);
      next += parameter.shape.count();
      node = parameter.node;
    }
    REQUIRE(next == parameter_count(model));
  }
  const std::vector<Parameter> all = parameters(tiny());
  std::vector<std::string> names;
  for (const Parameter& parameter : all) names.push_back(parameter.name);
  REQUIRE(names == std::vector<std::string>{"fc.weight", "fc.bias", "nobias.weight", "conv.weight", "conv.bias"});
  REQUIRE(all[0].shape == Shape{3, 5, 1, 1});
  REQUIRE(all[2].shape == Shape{5, 64, 1, 1});
  REQUIRE(all[3].shape == Shape{4, 2, 3, 3});
  REQUIRE(all[4].shape == Shape{1, 4, 1, 1});
}

TEST_CASE("a node's input is the output of the node that it names") {
  Model model = tiny();
  REQUIRE(input_shape(model, 0, 7) == Shape{7, 2, 6, 6});
  REQUIRE(input_shape(model, 1, 7) == Shape{7, 4, 4, 4});
  model.nodes[3].inputs = {1};  // fc skips the layer before it
  REQUIRE(input_shape(model, 3, 7) == Shape{7, 4, 4, 4});
  REQUIRE(parameters(model)[0].shape == Shape{3, 64, 1, 1});
}

TEST_CASE("nodes read several others, and the images") {
  const Model model = branched();
  const std::vector<Shape> shapes = output_shapes(model, 7);
  REQUIRE(shapes[4] == Shape{7, 4, 6, 5});   // add
  REQUIRE(shapes[6] == Shape{7, 10, 6, 5});  // concat: 4 + 2 + 4
  REQUIRE(shapes[8] == Shape{7, 10, 1, 1});
  REQUIRE(input_shape(model, 4, 7) == Shape{7, 4, 6, 5});
  REQUIRE(input_shape(model, 6, 7) == Shape{7, 10, 6, 5});  // all inputs as one
  REQUIRE(input_shape(model, 9, 7) == Shape{7, 10, 1, 1});
  const double elements = 7 * 4 * 6 * 5;
  REQUIRE(work_of(model, 4, 7, Pass::forward, DType::f32) == Work{2 * elements, 12 * elements, 4 * elements});
  REQUIRE(work_of(model, 6, 7, Pass::forward, DType::f64) == Work{0, 8 * 2.5 * elements, 8 * 2.5 * elements});
}

TEST_CASE("running statistics lie without gaps in the order of the nodes, and start as mean 0 and variance 1") {
  const Model model = branched();
  const std::vector<Parameter> all = states(model);
  std::vector<std::string> names;
  std::int64_t next = 0;
  const std::vector<double> start = initial_states(model);
  REQUIRE(static_cast<std::int64_t>(start.size()) == state_count(model));
  for (const Parameter& state : all) {
    names.push_back(state.name);
    REQUIRE(state.offset == next);
    const double expected = state.name.ends_with("running_var") ? 1 : 0;
    for (std::int64_t i = 0; i < state.shape.count(); ++i) REQUIRE(start[static_cast<std::size_t>(next + i)] == expected);
    next += state.shape.count();
  }
  REQUIRE(names == std::vector<std::string>{"bn.running_mean", "bn.running_var", "bn2.running_mean", "bn2.running_var",
                                            "bn3.running_mean", "bn3.running_var"});
  REQUIRE(next == 2 * (4 + 4 + 10));
  REQUIRE(state_count(model) == next);
  REQUIRE(all[5].node == 7);
  REQUIRE(state_count(make_lenet5()) == 0);
  REQUIRE(initial_states(make_vgg16()).empty());
}

TEST_CASE("batch norm starts as the identity; grouped weights are bounded by what a filter sees") {
  const Model model = branched();
  const std::vector<double> weights = initial_weights(model, 3);
  for (const Parameter& parameter : parameters(model)) {
    INFO(parameter.name);
    for (std::int64_t i = parameter.offset; i < parameter.offset + parameter.shape.count(); ++i) {
      const double value = weights[static_cast<std::size_t>(i)];
      if (parameter.name.starts_with("bn")) REQUIRE(value == (parameter.name.ends_with(".weight") ? 1.0 : 0.0));
      if (parameter.name.starts_with("depthwise")) {
        REQUIRE(value != 0);
        REQUIRE(std::abs(value) <= std::sqrt(1.0 / 9));  // one channel, 3 x 3
      }
    }
  }
}

TEST_CASE("networks that cannot work are refused, naming the node") {
  refused(Model{"empty", {1, 1, 1, 1}, 2, {}}, "has no nodes");
  Model model = tiny();
  model.nodes[1].name = "conv";
  refused(model, "two nodes are called 'conv'");
  model = tiny();
  model.nodes[2].inputs = {2};
  refused(model, "'nobias' reads node 2");
  model = tiny();
  model.nodes[2].inputs = {-2};
  refused(model, "'nobias' reads node -2");
  model = tiny();
  model.nodes.pop_back();
  refused(model, "SoftmaxCrossEntropy must be the last node");
  model = tiny();
  model.nodes[1].layer = SoftmaxCrossEntropy{};
  refused(model, "'nobias' reads a SoftmaxCrossEntropy");
  model = tiny();
  model.classes = 4;
  refused(model, "3 outputs for 4 classes");
  model = tiny();
  model.nodes[0].layer = Conv2d{4, square_window(7)};
  refused(model, "node 'conv' of tiny");
  model = tiny();
  model.nodes[4].inputs = {1};
  refused(model, "expects logits");
  model = tiny();
  model.nodes[1].inputs = {};
  refused(model, "'relu' reads nothing");
  model = tiny();
  model.nodes[1].inputs = {0, 0};
  refused(model, "node 'relu' of tiny: [ReLU] reads one node, got 2");
  model = branched();
  model.nodes[4].inputs = {3, kImages};
  refused(model, "node 'add' of branched: [Add] input 1 is 1x2x6x5, input 0 is 1x4x6x5");
  model = branched();
  model.nodes[4].inputs = {3, 5};
  refused(model, "'add' reads node 5");
  model = branched();
  model.nodes[3].layer = Conv2d{4, square_window(3, 1, 1), true, 3};
  refused(model, "3 groups do not divide 4 channels");
  model = tiny();
  model.nodes[0].layer = Conv2d{4, {.kernel_h = 3, .kernel_w = 3, .padding_h = -1}};  // only parts of images have that
  refused(model, "padding must be at least 0");
  model = tiny();
  model.nodes[0].layer = Conv2d{4, {.kernel_h = 3, .kernel_w = 3, .extra_below = 1}};
  refused(model, "node 'conv'");
}

TEST_CASE("starting weights follow from the seed alone and keep to their bounds") {
  const Model model = make_lenet5();
  const std::vector<double> weights = initial_weights(model, 1);
  REQUIRE(static_cast<std::int64_t>(weights.size()) == parameter_count(model));
  REQUIRE(weights == initial_weights(model, 1));
  REQUIRE(weights != initial_weights(model, 2));
  double fan_in = 0;
  for (const Parameter& parameter : parameters(model)) {
    INFO(parameter.name);
    const bool weight = parameter.name.ends_with(".weight");
    if (weight) fan_in = static_cast<double>(parameter.shape.sample_count());
    const double bound = std::sqrt((weight ? 6 : 1) / fan_in);
    const auto begin = weights.begin() + parameter.offset;
    const auto end = begin + parameter.shape.count();
    double squares = 0;
    for (auto value = begin; value != end; ++value) {
      REQUIRE(std::abs(*value) <= bound);
      squares += *value * *value;
    }
    const auto count = static_cast<double>(parameter.shape.count());
    if (count > 1'000) REQUIRE(squares / count == Approx(bound * bound / 3).epsilon(0.1));  // variance of a uniform number
  }
}

TEST_CASE("an empty batch has shapes and no work") {
  const Model model = make_lenet5();
  REQUIRE(output_shapes(model, 0).back() == Shape{0, 10, 1, 1});
  REQUIRE(work_of(model, 2, 0, Pass::forward, DType::f32) == Work{});
}
