/// Lesson 3, splitting a layer: by filters, by channels, by rows; what each rank has, what it sends, and which split to take.
#include <fmt/format.h>

#include <map>

#include "lessons/lesson.h"
#include "lessons/steps.h"
#include "lessons/traffic.h"
#include "parts.h"
#include "reference/model/layer_part.h"
#include "reference/model/zoo.h"

using namespace convoy;
using namespace convoy::lesson;

namespace {

// [settings]
constexpr int kRanks = 4;
constexpr int kBatch = 8;  // images of a step, over all ranks
// [/settings]
constexpr int kMiddle = 1;  // a rank with neighbours above and below

// [boxes]
/// What one rank has of a convolution: boxes of its input, its filters and its output.
struct Boxes {
  Box x, w, y;
};
Boxes boxes_of(const NodeGeometry& layer, const Shape& filters, Rule rule, int rank) {
  const NodePlacement placement = placement_of(layer, rule, kRanks);
  return {local_box(box_of(layer.inputs.front()), {placement.inputs.front()}, {rank}),
          local_box(box_of(filters), {placement.weight}, {rank}), local_box(box_of(layer.output), {placement.made}, {rank})};
}
// [/boxes]

// [together]
/// Every rank convolves its own boxes with the plain kernel; what they make is added up where it belongs.
Tensor<double> put_together(const NodeGeometry& layer, const Tensor<double>& x, const Tensor<double>& w, Rule rule) {
  Tensor<double> y(layer.output);
  for (int rank = 0; rank < kRanks; ++rank) {
    const Boxes mine = boxes_of(layer, w.shape(), rule, rank);
    const auto part = std::get<Conv2d>(layer_on_part(layer.node.layer, mine.x, mine.y));  // no padding inside the image
    Tensor<double> made(mine.y.shape());
    cpu::naive::conv2d_forward<double>(cut(x, mine.x).view(), cut(w, mine.w).view(), {}, made.view(), part.window);
    add_at(mine.y, made, y);
  }
  return y;
}
// [/together]

/// One convolution, split in three ways.
void one_layer(Values& values) {
  const Node node{"conv", Conv2d{16, square_window(3, 1, 1), false}};
  const Tensor<double> x = all_different({2, 8, 12, 12}, 0.7);
  const Tensor<double> w = all_different({16, 8, 3, 3}, 1.3);
  const NodeGeometry layer{node, {x.shape()}, output_shape(node.layer, x.shape()), {replicated()}};
  Tensor<double> whole(layer.output);
  cpu::naive::conv2d_forward<double>(x.view(), w.view(), {}, whole.view(), std::get<Conv2d>(node.layer).window);
  std::string table = "split     x            filters     y             put together\n";
  table += fmt::format("(none)    {:<13}{:<12}{}\n", to_string(x.shape()), to_string(w.shape()), to_string(whole.shape()));
  for (const Rule rule : {Rule::filter, Rule::channel, Rule::spatial}) {
    const Boxes mine = boxes_of(layer, w.shape(), rule, kMiddle);
    const Tensor<double> y = put_together(layer, x, w, rule);
    table += fmt::format("{:<10}{:<13}{:<12}{:<14}{}\n", to_string(rule), to_string(mine.x.shape()), to_string(mine.w.shape()),
                         to_string(mine.y.shape()),
                         verdict({whole.span().begin(), whole.span().end()}, {y.span().begin(), y.span().end()}));
  }
  values.block("holds", table);
}

/// A named plan in which the gradients of every layer travel by themselves, so that they can be counted by layer.
Plan plan_of(const char* name, int ranks = kRanks) {
  Plan plan = make_plan(name, {.ranks = ranks, .global_batch = kBatch});
  plan.bucket_bytes = 1;
  return plan;
}

// [mixed]
/// Rows where images are large, filters from conv5 on.
Plan mixed_plan(const Model& model, const std::string& first_by_filter) {
  Plan plan = plan_of("filter");
  for (const Node& node : model.nodes) {
    if (node.name == first_by_filter) break;
    plan.overrides[node.name] = {{plan.mesh.axes.front().name, Rule::spatial}};
  }
  return plan;
}
// [/mixed]

/// Whole training steps of a small network under every split, against one rank.
void train(Values& values) {
  const Model model = small_network();
  const std::vector<double> expected = weights_after(3, model, plan_of("data", 1));
  std::string table = "plan        four ranks against one\n";
  for (const char* name : {"filter", "channel", "megatron", "spatial"})
    table += fmt::format("{:<12}{}\n", name, verdict(expected, weights_after(3, model, plan_of(name))));
  table += fmt::format("{:<12}{}\n", "mixed", verdict(expected, weights_after(3, model, mixed_plan(model, "conv2"))));
  values.block("train", table);
}

/// What the middle rank sends for every layer of VGG-16, in MB.
void by_layer(Values& values, const Model& model) {
  const std::vector<std::pair<const char*, Rule>> splits = {
      {"filter", Rule::filter}, {"channel", Rule::channel}, {"spatial", Rule::spatial}};
  const std::vector<std::int64_t> data = bytes_by_node(model, make_schedule(model, plan_of("data")), kMiddle);
  std::string table = "MB sent      filter   channel   spatial   least        data\n";
  std::map<int, std::string> rows;
  std::map<int, std::pair<std::int64_t, const char*>> least;
  for (const auto& [name, rule] : splits) {
    const std::vector<std::int64_t> bytes = bytes_by_node(model, make_schedule(model, plan_of(name)), kMiddle);
    const std::vector<std::vector<Rule>> rules = rules_of(model, plan_of(name));
    for (const Parameter& weight : parameters(model)) {
      const auto i = static_cast<std::size_t>(weight.node);
      if (!weight.name.ends_with(".weight")) continue;
      const bool split = rules[i][0] == rule;
      rows[weight.node] += split ? fmt::format("{:>10.2f}", static_cast<double>(bytes[i]) / 1e6) : "         -";
      if (split && (!least.contains(weight.node) || bytes[i] < least[weight.node].first)) least[weight.node] = {bytes[i], name};
    }
  }
  for (const auto& [i, row] : rows)
    table += fmt::format("{:<9}{}   {:<8}{:>9.2f}\n", model.nodes[static_cast<std::size_t>(i)].name, row, least[i].second,
                         static_cast<double>(data[static_cast<std::size_t>(i)]) / 1e6);
  values.block("by_layer", table);
}

void in_all(Values& values, const Model& model) {
  std::string table = "plan              MB sent in a step\n";
  const auto add = [&](const char* name, const Plan& plan) {
    const auto bytes = static_cast<double>(traffic_of(make_schedule(model, plan), kMiddle).sent);
    table += fmt::format("{:<17}{:>18}\n", name, values.value(cat("total_", name), fmt::format("{:.0f}", bytes / 1e6)));
  };
  for (const char* name : {"filter", "channel", "megatron", "spatial", "data", "one_weird_trick"}) add(name, plan_of(name));
  add("mixed", mixed_plan(model, "conv5_1"));
  values.block("in_all", table);
}

void lesson_3(Values& values) {
  values.value("ranks", cat(kRanks));
  values.value("batch", cat(kBatch));
  one_layer(values);
  train(values);
  by_layer(values, make_vgg16());
  in_all(values, make_vgg16());
}

}  // namespace

int main(int argc, char** argv) { return lesson::run(argc, argv, lesson_3); }
