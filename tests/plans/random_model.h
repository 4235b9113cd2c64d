/// Random networks of all layers, and random plans for them.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/model/builder.h"
#include "reference/plans/plan.h"
#include "reference/plans/stages.h"

namespace convoy::tests {

/// A DAG: convolutions (grouped and depthwise too), pooling, normalisation, skips that are added, branches that are concatenated,
/// then linear layers.
class RandomModel {
 public:
  explicit RandomModel(Random& random) : random_(random) {}

  Model make() {
    const int classes = between(2, 6);
    image_ = {1, between(1, 5), between(3, 12), between(3, 9)};
    ModelBuilder net("random", image_, classes);
    shapes_.clear();
    const int layers = between(1, 7);
    for (int i = 0; i < layers; ++i) add_some(net);
    if (random_.below(2) == 0) add(net, GlobalAvgPool2d{}, {last()});
    if (random_.below(3) > 0 || shapes_.empty()) add(net, Flatten{}, {last()});
    if (random_.below(2) == 0) {
      add(net, Linear{between(2, 9), random_.below(2) == 0}, {last()});
      if (random_.below(2) == 0) add(net, ReLU{}, {last()});
      if (random_.below(2) == 0) add(net, Dropout{0.5}, {last()});
    }
    add(net, Linear{classes, random_.below(2) == 0}, {last()});
    return net.finish();
  }

 private:
  int between(int low, int high) { return low + static_cast<int>(random_.below(high - low + 1)); }
  int last() const { return static_cast<int>(shapes_.size()) - 1; }
  Shape shape(int node) const { return node == kImages ? image_ : shapes_[static_cast<std::size_t>(node)]; }
  /// A node to read: mostly the last one.
  int pick() { return random_.below(4) > 0 ? last() : static_cast<int>(random_.below(last() + 2)) - 1; }

  int add(ModelBuilder& net, const Layer& layer, const std::vector<int>& inputs) {
    std::vector<Shape> read;
    for (const int input : inputs) read.push_back(shape(input));
    shapes_.push_back(output_shape(layer, read));
    return net.add(cat("n", shapes_.size()), layer, inputs);
  }

  Window window(const Shape& x) {
    const int kernel = between(1, std::min({3, x.h, x.w}));
    return square_window(kernel, between(1, 2), between(0, kernel / 2));
  }

  void add_conv(ModelBuilder& net, int from) {
    const Shape x = shape(from);
    int groups = 1;
    if (random_.below(3) == 0)
      for (const int g : {2, 3, 4, x.c})
        if (x.c % g == 0 && random_.below(2) == 0) groups = g;
    add(net, Conv2d{groups * between(1, groups > 1 ? 2 : 7), window(x), random_.below(2) == 0, groups}, {from});
  }

  /// Squeeze-and-excitation.
  void add_gate(ModelBuilder& net, int from) {
    add(net, GlobalAvgPool2d{}, {from});
    add(net, Conv2d{shape(from).c, square_window(1)}, {last()});
    add(net, Activation{ActivationFunction::sigmoid}, {last()});
    add(net, Scale{}, {from, last()});
  }

  void add_selection(ModelBuilder& net, int from) {
    const int channels = shape(from).c;
    ChannelSelect select{.first = between(0, channels - 1), .count = 1};
    select.count = between(1, channels - select.first);
    if (select.count % 2 == 0) select.groups = between(1, 2);
    add(net, select, {from});
  }

  /// Nodes, and the images, whose outputs fit together.
  std::vector<int> partners(int of, bool whole_shape) const {
    std::vector<int> found;
    for (int i = kImages; i <= last(); ++i)
      if (i != of && (whole_shape ? shape(i) == shape(of) : shape(i).h == shape(of).h && shape(i).w == shape(of).w))
        found.push_back(i);
    return found;
  }

  void add_some(ModelBuilder& net) {
    const int from = pick();
    switch (random_.below(13)) {
      case 0:
      case 1:
      case 2: return add_conv(net, from);
      case 3: add(net, ReLU{}, {from}); return;
      case 4: add(net, BatchNorm2d{}, {from}); return;
      case 5: add(net, LocalResponseNorm{.size = between(1, 5)}, {from}); return;
      case 6: add(net, Dropout{0.25}, {from}); return;
      case 7: add(net, MaxPool2d{window(shape(from))}, {from}); return;
      case 8: add(net, Activation{static_cast<ActivationFunction>(random_.below(6))}, {from}); return;
      case 9: return add_gate(net, from);
      case 10: return add_selection(net, from);
      default: break;
    }
    const bool sum = random_.below(2) == 0;
    const std::vector<int> others = partners(from, sum);
    if (others.empty()) return add_conv(net, from);
    std::vector<int> inputs = {from, others[static_cast<std::size_t>(random_.below(std::ssize(others)))]};
    if (random_.below(4) == 0) inputs.push_back(from);
    add(net, sum ? Layer{Add{}} : Layer{Concat{}}, inputs);
  }

  Random& random_;
  Shape image_;
  std::vector<Shape> shapes_;
};

/// Any named plan, or several axes by hand, with other rules for some nodes and any options.
inline Plan random_plan(Random& random, const Model& model) {
  const auto between = [&](int low, int high) { return low + static_cast<int>(random.below(high - low + 1)); };
  const auto one_of = [&](const auto& values) { return values[static_cast<std::size_t>(random.below(std::ssize(values)))]; };
  const std::vector<std::string> strategies = {"data", "filter", "channel", "megatron", "spatial", "one_weird_trick"};
  const std::vector<ExchangeScheme> schemes = {ExchangeScheme::a, ExchangeScheme::a, ExchangeScheme::b, ExchangeScheme::c};
  const int batch = between(1, 9);
  Plan plan;
  if (random.below(3) > 0) {
    const std::string name(one_of(named_plans()).name);
    const bool hybrid = name == "hybrid";
    const int split = between(1, 3);
    plan =
        make_plan(name, {.ranks = hybrid ? split * between(1, 3) : between(1, 5),
                         .global_batch = batch,
                         .split = split,
                         .inside = hybrid ? one_of(std::vector<std::string>(strategies.begin() + 1, strategies.end())) : "filter",
                         .scheme = one_of(schemes)});
  } else {
    plan = {.name = "by_hand", .mesh = {}, .global_batch = batch, .batch_axis = -1, .strategies = {}};
    const int axes = between(1, 3);
    for (int a = 0; a < axes; ++a) {
      plan.mesh.axes.push_back({cat("axis", a), between(1, 3)});
      plan.strategies.push_back(one_of(strategies));
    }
    if (random.below(3) == 0) {
      plan.batch_axis = between(0, axes - 1);
      plan.strategies[static_cast<std::size_t>(plan.batch_axis)] = "data";
    }
  }
  const std::vector<Rule> rules = {Rule::replicate, Rule::batch,   Rule::filter, Rule::channel,
                                   Rule::channels,  Rule::grouped, Rule::spatial};
  for (int changes = between(-2, 3); changes > 0; --changes)
    plan.overrides[one_of(model.nodes).name][one_of(plan.mesh.axes).name] = one_of(rules);
  plan.dtype = one_of(std::vector<DType>{DType::f32, DType::f64});
  if (random.below(4) == 0) plan.gradient_dtype = one_of(std::vector<DType>{DType::f16, DType::bf16});
  plan.synchronised_statistics = random.below(2) == 0;
  plan.overlap = random.below(2) == 0;
  plan.bucket_bytes = 1 + random.below(3000);
  plan.chunks = between(1, 3);
  const std::vector<LocalMomentum> momenta = {LocalMomentum::average, LocalMomentum::restart, LocalMomentum::keep};
  if (plan.local.steps > 0) plan.local = {.steps = between(1, 5), .momentum = one_of(momenta)};
  if (plan.zero > 0) plan.zero = between(1, 3);
  if (pipeline_axis(plan) >= 0) {
    plan.pipeline.micro_batches = between(1, 5);
    plan.pipeline.order = one_of(std::vector<std::string>{"gpipe", "1f1b", "interleaved"});
    plan.pipeline.stages_per_rank = plan.pipeline.order == "interleaved" ? 2 : 1;
  }
  return plan;
}

/// The network and the plan of a seed, for people.
inline std::string describe_case(std::uint64_t seed) {
  Random random(seed);
  const Model model = RandomModel(random).make();
  const Plan plan = random_plan(random, model);
  std::string text = cat("plan ", plan.name, ", batch ", plan.global_batch, ", scheme ", to_string(plan.scheme), ", overlap ",
                         plan.overlap, ", batch axis ", plan.batch_axis, ", mesh");
  for (std::size_t a = 0; a < plan.mesh.axes.size(); ++a)
    text += cat(" ", plan.mesh.axes[a].name, "=", plan.mesh.axes[a].extent, " ", plan.strategies[a]);
  text += cat("\nimage ", to_string(model.image), "\n");
  for (const Node& node : model.nodes) {
    text += cat(node.name, " ", describe(node.layer), " of");
    for (const int input : node.inputs)
      text += cat(" ", input < 0 ? "images" : model.nodes[static_cast<std::size_t>(input)].name);
    if (plan.overrides.contains(node.name))
      for (const auto& [axis, rule] : plan.overrides.at(node.name)) text += cat(" [", axis, ": ", to_string(rule), "]");
    text += "\n";
  }
  return text;
}

}  // namespace convoy::tests
