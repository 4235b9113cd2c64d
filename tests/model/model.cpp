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
  for (const Model& model : {tiny(), make_lenet5(), make_vgg16()}) {
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
  model.nodes[3].input = 1;  // fc skips the layer before it
  REQUIRE(input_shape(model, 3, 7) == Shape{7, 4, 4, 4});
  REQUIRE(parameters(model)[0].shape == Shape{3, 64, 1, 1});
}

TEST_CASE("networks that cannot work are refused, naming the node") {
  refused(Model{"empty", {1, 1, 1, 1}, 2, {}}, "has no nodes");
  Model model = tiny();
  model.nodes[1].name = "conv";
  refused(model, "two nodes are called 'conv'");
  model = tiny();
  model.nodes[2].input = 2;
  refused(model, "'nobias' reads node 2");
  model = tiny();
  model.nodes[2].input = -2;
  refused(model, "'nobias' reads node -2");
  model = tiny();
  model.nodes.pop_back();
  refused(model, "SoftmaxCrossEntropy must be the last node");
  model = tiny();
  model.nodes[1].layer = SoftmaxCrossEntropy{};
  refused(model, "see 'relu'");
  model = tiny();
  model.classes = 4;
  refused(model, "3 outputs for 4 classes");
  model = tiny();
  model.nodes[0].layer = Conv2d{4, square_window(7)};
  refused(model, "node 'conv' of tiny");
  model = tiny();
  model.nodes[4].input = 1;
  refused(model, "expects logits");
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
