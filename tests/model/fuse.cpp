#include "reference/model/fuse.h"

#include "tests/catch.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

using namespace convoy;

namespace {

std::vector<std::string> described(const Model& model) {
  std::vector<std::string> lines;
  for (const Node& node : model.nodes) lines.push_back(node.name + ": " + describe(node.layer));
  return lines;
}

template <class L>
int count_of(const Model& model) {
  int count = 0;
  for (const Node& node : model.nodes) count += std::holds_alternative<L>(node.layer) ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("LeNet-5 fused: every ReLU disappears into the layer before it") {
  REQUIRE(described(fuse(make_lenet5())) ==
          std::vector<std::string>{"conv1: Conv2d 5x5, padding 2, 6 filters + ReLU", "pool1: MaxPool2d 2x2, stride 2",
                                   "conv2: Conv2d 5x5, 16 filters + ReLU", "pool2: MaxPool2d 2x2, stride 2", "flatten: Flatten",
                                   "fc1: Linear to 120 + ReLU", "fc2: Linear to 84 + ReLU", "fc3: Linear to 10",
                                   "loss: SoftmaxCrossEntropy"});
}

TEST_CASE("ResNet-20 fused: normalisation, addition and ReLU are one node, and convolutions sum up for it") {
  const Model model = make_resnet20();
  const Model fused = fuse(model);
  REQUIRE(count_of<ReLU>(fused) == 0);
  REQUIRE(count_of<Add>(fused) == 0);
  REQUIRE(count_of<BatchNorm2d>(fused) == count_of<BatchNorm2d>(model));
  int adding = 0;
  for (const Node& node : fused.nodes) {
    if (const auto* conv = std::get_if<Conv2d>(&node.layer)) REQUIRE(conv->statistics);
    if (const auto* norm = std::get_if<BatchNorm2d>(&node.layer); norm != nullptr && norm->adds) {
      ++adding;
      REQUIRE(norm->relu);
      REQUIRE(node.inputs.size() == 2);
    }
  }
  REQUIRE(adding == 9);
}

TEST_CASE("a fused network has the same learned tensors in the same order, and starts with the same values") {
  for (const ZooEntry& row : zoo()) {
    CAPTURE(row.name);
    const Model model = row.make();
    if (parameter_count(model) > 2'000'000) continue;  // the rest takes long and is alike
    const Model fused = fuse(model);
    const std::vector<Parameter> before = parameters(model), after = parameters(fused);
    REQUIRE(before.size() == after.size());
    for (std::size_t i = 0; i < before.size(); ++i) {
      REQUIRE(before[i].name == after[i].name);
      REQUIRE(before[i].shape == after[i].shape);
      REQUIRE(before[i].offset == after[i].offset);
    }
    REQUIRE(initial_values(model, 7) == initial_values(fused, 7));
    REQUIRE(described(fuse(fused)) == described(fused));
    REQUIRE(output_shapes(model, 3).back() == output_shapes(fused, 3).back());
  }
}

TEST_CASE("what others read too is not fused away, nor what is forbidden") {
  ModelBuilder net("forks", {1, 2, 6, 6}, 4);
  const int conv = net.add("conv", Conv2d{4, square_window(3, 1, 1)});
  const int relu = net.add("relu", ReLU{}, {conv});  // conv is read by the concatenation too
  const int norm = net.add("norm", BatchNorm2d{}, {relu});
  const int twice = net.add("twice", Add{}, {norm, norm});
  net.add("concat", Concat{}, {conv, twice});
  net.add("relu2", ReLU{});  // Concat has no fused form
  net.add("flatten", Flatten{});
  net.add("fc", Linear{4});
  const Model model = net.finish();
  REQUIRE(described(fuse(model)) == described(model));

  const Model lenet = make_lenet5();
  const Model some = fuse(lenet, [&](int into, int) { return lenet.nodes[static_cast<std::size_t>(into)].name != "conv2"; });
  REQUIRE(count_of<ReLU>(some) == 1);
  REQUIRE(described(some)[3] == "relu2: ReLU");
}

TEST_CASE("the work of a fused layer is that of its parts without the tensors in between") {
  const Shape x{2, 3, 8, 8};
  const auto values = static_cast<double>(x.count());
  const Conv2d conv{3, square_window(3, 1, 1)};
  Conv2d with_relu = conv;
  with_relu.relu = true;
  const Work plain = work_of(conv, x, Pass::forward, DType::f32), fused = work_of(with_relu, x, Pass::forward, DType::f32);
  REQUIRE(fused.flops == plain.flops + values);
  REQUIRE(fused.bytes_read == plain.bytes_read);
  REQUIRE(fused.bytes_written == plain.bytes_written);
  REQUIRE(work_of(with_relu, x, Pass::backward_input, DType::f32).bytes_read ==
          work_of(conv, x, Pass::backward_input, DType::f32).bytes_read + 4 * values);
  const Work norm = work_of(BatchNorm2d{}, x, Pass::forward, DType::f32);
  const Work adding = work_of(BatchNorm2d{.adds = true, .relu = true}, x, Pass::forward, DType::f32, 2);
  REQUIRE(adding.flops == norm.flops + 2 * values);
  REQUIRE(adding.bytes_read == norm.bytes_read + 4 * values);
}
