#include "reference/model/zoo.h"

#include <map>

#include "reference/core/error.h"
#include "tests/catch.h"

using namespace convoy;

TEST_CASE("every network of the zoo has the published number of parameters and passes its check") {
  REQUIRE(zoo().size() >= 2);
  for (const ZooEntry& entry : zoo()) {
    INFO(entry.name);
    const Model model = make_model(entry.name);
    REQUIRE_NOTHROW(check(model));
    REQUIRE(model.name == entry.name);
    REQUIRE(parameter_count(model) == entry.published_parameters);
  }
  REQUIRE(parameter_count(make_lenet5()) == 61'706);
  REQUIRE(parameter_count(make_resnet20()) == 272'474);
  REQUIRE(parameter_count(make_vgg16()) == 138'357'544);
}

TEST_CASE("the shapes of LeNet-5 are those of the paper") {
  const std::vector<Shape> shapes = output_shapes(make_lenet5(), 3);
  const std::vector<Shape> expected = {{3, 6, 28, 28}, {3, 6, 28, 28}, {3, 6, 14, 14}, {3, 16, 10, 10}, {3, 16, 10, 10},
                                       {3, 16, 5, 5},  {3, 400, 1, 1}, {3, 120, 1, 1}, {3, 120, 1, 1},  {3, 84, 1, 1},
                                       {3, 84, 1, 1},  {3, 10, 1, 1},  {3, 10, 1, 1}};
  REQUIRE(shapes == expected);
}

TEST_CASE("the shapes of VGG-16 are those of the paper") {
  const Model model = make_vgg16();
  const std::vector<Shape> shapes = output_shapes(model, 2);
  std::map<std::string, Shape> by_name;
  for (std::size_t i = 0; i < shapes.size(); ++i) by_name[model.nodes[i].name] = shapes[i];
  REQUIRE(by_name["conv1_2"] == Shape{2, 64, 224, 224});
  REQUIRE(by_name["pool1"] == Shape{2, 64, 112, 112});
  REQUIRE(by_name["pool2"] == Shape{2, 128, 56, 56});
  REQUIRE(by_name["conv3_3"] == Shape{2, 256, 56, 56});
  REQUIRE(by_name["pool3"] == Shape{2, 256, 28, 28});
  REQUIRE(by_name["pool4"] == Shape{2, 512, 14, 14});
  REQUIRE(by_name["pool5"] == Shape{2, 512, 7, 7});
  REQUIRE(by_name["flatten"] == Shape{2, 25'088, 1, 1});
  REQUIRE(by_name["fc6"] == Shape{2, 4'096, 1, 1});
  REQUIRE(by_name["drop7"] == Shape{2, 4'096, 1, 1});
  REQUIRE(by_name["loss"] == Shape{2, 1'000, 1, 1});
  int convolutions = 0;
  for (const Node& node : model.nodes) convolutions += std::holds_alternative<Conv2d>(node.layer) ? 1 : 0;
  REQUIRE(convolutions == 13);
}

TEST_CASE("ResNet-20 has the layers and shapes of the paper, and projections between its stages") {
  const Model model = make_resnet20();
  const std::vector<Shape> shapes = output_shapes(model, 2);
  std::map<std::string, Shape> by_name;
  std::map<std::string, Node> nodes;
  int weighted = 0;
  int projections = 0;
  double multiply_adds = 0;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const Node& node = model.nodes[i];
    by_name[node.name] = shapes[i];
    nodes[node.name] = node;
    const bool projection = node.name.ends_with("conv_shortcut");
    const auto* conv = std::get_if<Conv2d>(&node.layer);
    if (conv != nullptr) REQUIRE_FALSE(conv->bias);
    const bool weights = conv != nullptr || std::holds_alternative<Linear>(node.layer);
    weighted += weights && !projection ? 1 : 0;
    projections += projection ? 1 : 0;
    if (weights && !projection) multiply_adds += work_of(model, static_cast<int>(i), 1, Pass::forward, DType::f32).flops / 2;
  }
  REQUIRE(weighted == 20);
  REQUIRE(projections == 2);
  REQUIRE(by_name["stem.relu"] == Shape{2, 16, 32, 32});
  REQUIRE(by_name["block1_2.relu2"] == Shape{2, 16, 32, 32});
  REQUIRE(by_name["block2_0.conv1"] == Shape{2, 32, 16, 16});
  REQUIRE(by_name["block2_0.bn_shortcut"] == Shape{2, 32, 16, 16});
  REQUIRE(by_name["block3_2.add"] == Shape{2, 64, 8, 8});
  REQUIRE(by_name["pool"] == Shape{2, 64, 1, 1});
  REQUIRE(by_name["loss"] == Shape{2, 10, 1, 1});
  const auto name_of = [&](int node) { return model.nodes[static_cast<std::size_t>(node)].name; };
  REQUIRE(name_of(nodes["block1_1.add"].inputs.at(1)) == "block1_0.relu2");  // the shortcut
  REQUIRE(name_of(nodes["block1_1.conv1"].inputs.at(0)) == "block1_0.relu2");
  REQUIRE(name_of(nodes["block3_0.add"].inputs.at(1)) == "block3_0.bn_shortcut");
  REQUIRE(name_of(nodes["block3_0.conv_shortcut"].inputs.at(0)) == "block2_2.relu2");
  REQUIRE(multiply_adds == Approx(40.55e6).epsilon(0.001));  // stem 0.44 M, 16 convolutions of 2.36 M, two of 1.18 M
}

TEST_CASE("one image of VGG-16 takes the multiply-adds that the literature counts") {
  const Model model = make_vgg16();
  double flops = 0;
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const Layer& layer = model.nodes[i].layer;
    if (std::holds_alternative<Conv2d>(layer) || std::holds_alternative<Linear>(layer))
      flops += work_of(model, static_cast<int>(i), 1, Pass::forward, DType::f32).flops;
  }
  REQUIRE(flops == Approx(2 * 15.47e9).epsilon(0.002));  // 15.47 G multiply-adds (He et al. 2016 quote 15.3 for the convolutions)
}

TEST_CASE("networks take other images and classes, and say when they cannot") {
  const Model small = make_model("resnet20", {.classes = 7, .image = Shape{1, 1, 28, 28}});
  REQUIRE(output_shapes(small, 2).back() == Shape{2, 7, 1, 1});
  for (const char* name : {"alexnet", "vgg16", "googlenet_aux", "squeezenet1_1", "densenet121", "mobilenet_v1"}) {
    INFO(name);
    REQUIRE(output_shapes(make_model(name, {.classes = 3, .image = Shape{1, 3, 160, 192}}), 1).back() == Shape{1, 3, 1, 1});
  }
  // Pooling adapts, so that the linear layers have as many weights as published.
  REQUIRE(parameter_count(make_model("vgg16", {.image = Shape{1, 3, 96, 96}})) == 138'357'544);
  REQUIRE_THROWS_AS(make_model("alexnet", {.image = Shape{1, 1, 28, 28}}), InputError);
}

TEST_CASE("auxiliary heads are left out of answers, and VGG's layers have torchvision's names") {
  const Model model = make_model("googlenet_aux");
  const std::vector<bool> needed = needed_for_answers(model);
  for (std::size_t i = 0; i < model.nodes.size(); ++i) REQUIRE(needed[i] == !model.nodes[i].name.starts_with("aux"));
  const Model vgg = make_model("vgg16");
  std::map<std::string, std::string> names;
  for (int i = 0; i < static_cast<int>(vgg.nodes.size()); ++i)
    names[vgg.nodes[static_cast<std::size_t>(i)].name] = torchvision_name(vgg, i);
  REQUIRE(names["conv1_1"] == "features.0");
  REQUIRE(names["conv5_3"] == "features.28");
  REQUIRE(names["fc6"] == "classifier.0");
  REQUIRE(names["fc8"] == "classifier.6");
  REQUIRE(torchvision_name(model, 0) == "conv1.conv");
}

TEST_CASE("an unknown model is refused with the nearest name") {
  try {
    make_model("mobilnet_v1");
    FAIL("accepted");
  } catch (const InputError& error) {
    REQUIRE(std::string(error.what()).find("did you mean 'mobilenet_v1'?") != std::string::npos);
  }
}
