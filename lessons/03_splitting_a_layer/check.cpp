/// The check of lesson 3: brute force. It makes the schedule of a whole network under each split, counts what the middle rank
/// sends for every layer, and compares the least with the answer.
#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "exercise.h"
#include "lessons/lesson.h"
#include "lessons/traffic.h"
#include "reference/model/builder.h"
#include "reference/plans/plan.h"

namespace convoy::lesson {
namespace {

constexpr std::array kNames = {"filter", "channel", "rows"};
constexpr std::array kPlans = {"filter", "channel", "spatial"};

/// One layer of a network, what the middle rank sends for it under each split (none: it cannot be split so), and the answer.
struct Case {
  std::string what;
  LayerSizes sizes;
  int ranks = 0;
  std::array<std::optional<std::int64_t>, 3> bytes;
  Split answer = Split::filter;
};

/// Convolutions that keep their images, then two linear layers.
struct Network {
  int rows;
  int window;
  std::vector<int> channels;  ///< of the images and of every convolution
};
Model model_of(const Network& n) {
  ModelBuilder net(cat("network of ", n.rows, "x", n.rows, " images"), {1, n.channels.front(), n.rows, n.rows}, 12);
  for (std::size_t i = 1; i < n.channels.size(); ++i) {
    net.add(cat("conv", i), Conv2d{n.channels[i], square_window(n.window, 1, n.window / 2)});
    net.add(cat("relu", i), ReLU{});
  }
  net.add("flatten", Flatten{});
  net.add("fc1", Linear{48});
  net.add("relu", ReLU{});
  net.add("fc2", Linear{12});
  return net.finish();
}

LayerSizes sizes_of(const Model& model, int node, int batch) {
  const Layer& layer = model.nodes[static_cast<std::size_t>(node)].layer;
  const auto* conv = std::get_if<Conv2d>(&layer);
  const Shape x = input_shape(model, node, batch);
  LayerSizes sizes{.linear = conv == nullptr,
                   .images = batch,
                   .in_channels = conv != nullptr ? x.c : x.sample_count(),
                   .out_channels = output_shape(layer, x).c,
                   .rows = x.h,
                   .columns = x.w,
                   .window_rows = conv != nullptr ? conv->window.kernel_h : 1};
  for (const ParameterShape& learned : parameter_shapes(layer, x)) sizes.learned += learned.shape.count();
  return sizes;
}

/// The layers of a network but the first, whose input has no gradient.
void add_cases(std::vector<Case>& cases, const Network& network, int batch, int ranks) {
  const Model model = model_of(network);
  std::array<std::vector<std::int64_t>, 3> bytes;
  for (std::size_t s = 0; s < 3; ++s) {
    Plan plan = make_plan(kPlans[s], {.ranks = ranks, .global_batch = batch});
    plan.bucket_bytes = 1;
    bytes[s] = bytes_by_node(model, make_schedule(model, plan), 1);
  }
  for (int i = 1; i < static_cast<int>(model.nodes.size()); ++i) {
    const Node& node = model.nodes[static_cast<std::size_t>(i)];
    if (!std::holds_alternative<Conv2d>(node.layer) && !std::holds_alternative<Linear>(node.layer)) continue;
    Case c{cat(node.name, " of a ", model.name, ", ", describe(node.layer), ", ", batch, " images, ", ranks, " ranks"),
           sizes_of(model, i, batch),
           ranks,
           {}};
    for (std::size_t s = 0; s < 3; ++s)
      if (s < 2 || !c.sizes.linear) c.bytes[s] = bytes[s][static_cast<std::size_t>(i)];
    c.answer = cheapest(c.sizes, ranks);
    cases.push_back(c);
  }
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const int ranks : {3, 4})
    for (const int batch : {1, 8, 64})
      for (const int window : {3, 5, 7})
        for (const int rows : {12, 36, 96}) add_cases(cases, {rows, window, {12, 24, 24, 48, 12}}, batch, ranks);
  return cases;
}

std::int64_t least(const Case& c) {
  std::int64_t bytes = *c.bytes[0];
  for (const auto& b : c.bytes) bytes = std::min(bytes, b.value_or(bytes));
  return bytes;
}
/// Whether the answer sends no more than another split. Ties, and what the uneven parts of a ring make of them, are right both
/// ways.
bool is_right(const Case& c) {
  const std::optional<std::int64_t> yours = c.bytes.at(static_cast<std::size_t>(c.answer));
  return yours && static_cast<double>(*yours) <= 1.02 * static_cast<double>(least(c));
}

/// Whether all answers are what this cost of the three splits would make them; where two costs are close, either.
using Costs = std::array<double, 3>;
bool all_follow(const std::vector<Case>& cases, const std::function<Costs(const LayerSizes&, double share)>& costs) {
  return std::all_of(cases.begin(), cases.end(), [&](const Case& c) {
    Costs cost = costs(c.sizes, (c.ranks - 1.0) / c.ranks);
    if (c.sizes.linear) cost[2] = std::max(cost[0], cost[1]) * 2;
    return cost.at(static_cast<std::size_t>(c.answer)) <= 1.02 * *std::min_element(cost.begin(), cost.end());
  });
}

std::string likely_mistake(const std::vector<Case>& cases) {
  const auto x = [](const LayerSizes& l) { return static_cast<double>(l.images * l.in_channels * l.rows * l.columns); };
  const auto y = [](const LayerSizes& l) { return static_cast<double>(l.images * l.out_channels * l.rows * l.columns); };
  const auto row = [](const LayerSizes& l) { return static_cast<double>(l.images * l.in_channels * l.columns); };
  const auto halo = [&](const LayerSizes& l) { return 2 * static_cast<double>(l.window_rows - 1) * row(l); };
  const auto weights = [](const LayerSizes& l, double share) { return 2 * share * static_cast<double>(l.learned); };
  if (std::all_of(cases.begin(), cases.end(), [](const Case& c) { return c.answer == Split::filter; }))
    return "cheapest answers filter to everything so far: open exercise.cpp and compare what the three splits send.";
  if (all_follow(cases, [&](const LayerSizes& l, double share) -> Costs {
        return {2 * share * x(l), 2 * share * y(l), halo(l)};
      }))
    return "This counts the halo only. A rank with some of the rows has all filters, and sees part of what they see: the "
           "gradients "
           "of the weights must be added up over ranks, as in data parallelism.";
  if (all_follow(cases, [&](const LayerSizes& l, double share) -> Costs {
        return {2 * share * y(l), 2 * share * x(l), halo(l) + weights(l, share)};
      }))
    return "Filter and channel are the wrong way round. A rank with some of the filters needs all channels of what goes in, not "
           "what "
           "comes out; a rank with some of the channels makes terms of all that comes out.";
  if (all_follow(cases, [&](const LayerSizes& l, double share) -> Costs {
        return {2 * share * x(l), 2 * share * y(l), 4 * row(l) + weights(l, share)};
      }))
    return "This sends one row above and one below, whatever the window. A window of R rows reaches over (R-1)/2 rows on either "
           "side.";
  if (all_follow(cases, [&](const LayerSizes& l, double share) -> Costs {
        const auto n = static_cast<double>(l.images);
        return {2 * share * x(l) / n, 2 * share * y(l) / n, halo(l) / n + weights(l, share)};
      }))
    return "This weighs the weights against the activations of one image. Activations travel for every image of the step, weight "
           "gradients once.";
  return "Add up what travels under each split, forward and backward: filter: x and dx; channel: y and dy; rows: the halo there "
         "and back, and the gradients of the weights.";
}

void check_all() {
  const std::vector<Case> cases = all_cases();
  for (const Case& c : cases)
    if (c.sizes.linear && c.answer == Split::rows)
      throw NotYet(cat(c.what, ": a linear layer has no rows; split it by filters or by channels."));
  for (const Case& c : cases) {
    if (is_right(c)) continue;
    std::string bytes;
    for (std::size_t s = 0; s < 3; ++s)
      if (c.bytes[s]) bytes += cat(bytes.empty() ? "" : ", ", kNames[s], " ", with_commas(*c.bytes[s]));
    throw NotYet(cat(c.what, ": yours says ", kNames.at(static_cast<std::size_t>(c.answer)),
                     ". The middle rank sends, in bytes: ", bytes, ".\n", likely_mistake(cases)));
  }
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
