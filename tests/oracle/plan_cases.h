/// The plans that are compared with the serial run: every named plan on several meshes, and some with several axes or other
/// rules for single nodes, put together by hand.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "reference/plans/stages.h"

namespace convoy::tests {

struct PlanCase {
  std::string label;  ///< "filter, 3 ranks, batch 9"
  Plan plan;
  bool only_synchronised = false;  ///< other rules give some BatchNorm2d other groups of images, which the oracle does not know
};

inline PlanCase named_case(const std::string& name, const PlanRequest& request) {
  std::string inside = name == "hybrid" ? cat("/", request.inside, "/", request.split) : "";
  if (request.pipeline > 1) inside += cat("/pipeline ", request.pipeline);
  const std::string scheme = request.scheme == ExchangeScheme::a ? "" : cat(" scheme ", to_string(request.scheme));
  return {cat(name, inside, scheme, ", ", request.ranks, " ranks, batch ", request.global_batch), make_plan(name, request)};
}

inline PlanCase by_hand(std::vector<Axis> axes, std::vector<std::string> strategies, int batch, int batch_axis = -1) {
  std::string label;
  for (std::size_t a = 0; a < axes.size(); ++a) label += cat(a == 0 ? "" : " x ", strategies[a], "=", axes[a].extent);
  return {cat(label, ", batch ", batch), Plan{.name = "by_hand",
                                              .mesh = {std::move(axes)},
                                              .global_batch = batch,
                                              .batch_axis = batch_axis,
                                              .strategies = std::move(strategies)}};
}

/// A pipeline with another order than the one it has by itself.
inline PlanCase piped(const std::string& order, int ranks, int stages_per_rank, int micro_batches = 4, int batch = 9) {
  PlanCase c = named_case("pipeline", {.ranks = ranks, .global_batch = batch});
  c.plan.pipeline = {.micro_batches = micro_batches, .order = order, .stages_per_rank = stages_per_rank};
  c.label = cat("pipeline ", order, ", ", ranks, " ranks, ", stages_per_rank, " stages each, ", micro_batches, " micro-batches, batch ",
                batch);
  return c;
}

/// Pipelines: every order, stages that recompute, an order of our own, and beside other axes.
inline std::vector<PlanCase> pipeline_cases() {
  std::vector<PlanCase> cases;
  for (const int ranks : {2, 3, 4})
    for (const int micro_batches : {1, 3, 5}) {
      cases.push_back(piped("gpipe", ranks, 1, micro_batches));
      cases.push_back(piped("1f1b", ranks, 1, micro_batches));
    }
  for (const auto& [ranks, stages] : {std::pair{2, 2}, {2, 4}, {4, 2}, {3, 2}, {1, 3}}) {
    cases.push_back(piped("interleaved", ranks, stages, ranks));
    cases.push_back(piped("interleaved", ranks, stages, 2 * ranks));
  }
  for (std::size_t i = cases.size(); i-- > 0;)
    if (i % 2 == 0) {
      PlanCase again = cases[i];
      again.label += ", recomputed";
      for (int stage = 0; stage < pipeline_shape(again.plan).stages(); ++stage)
        if (i % 4 == 0 || stage % 2 == 0) again.plan.pipeline.recompute.push_back(stage);
      cases.push_back(std::move(again));
    }
  PlanCase own = piped(kOwnOrder, 2, 1, 3);
  own.plan.pipeline.table = {"F0 F1 B1 F2 B2 B0", "F0 F1 B1 F2 B2 B0"};
  cases.push_back(own);
  for (const char* inside : {"filter", "channel", "megatron", "spatial"})
    for (const int batch : {1, 8})
      cases.push_back(named_case("hybrid", {.ranks = 8, .global_batch = batch, .split = 2, .inside = inside, .pipeline = 2}));
  for (const int batch : {1, 9}) cases.push_back(named_case("hybrid", {.ranks = 4, .global_batch = batch, .split = 2, .inside = "pipeline"}));
  PlanCase three = named_case("hybrid", {.ranks = 8, .global_batch = 9, .split = 2, .inside = "filter", .pipeline = 2});
  three.label += ", interleaved, recomputed";
  three.plan.pipeline = {.micro_batches = 2, .order = "interleaved", .stages_per_rank = 2, .recompute = {0, 2, 3}};
  cases.push_back(three);
  cases.push_back(by_hand({{"filters", 2}, {"stages", 2}}, {"filter", "pipeline"}, 4));
  cases.back().plan.pipeline.micro_batches = 3;
  return cases;
}

/// Every named plan but hybrid on 1 to 4 ranks, with batches that divide and that do not, and one with fewer images than ranks.
inline std::vector<PlanCase> single_axis_cases() {
  std::vector<PlanCase> cases;
  for (const NamedPlan& row : named_plans())
    for (const int ranks : {1, 2, 3, 4})
      for (const int batch : {2, 9, 12})
        if (row.rules != nullptr && row.name != "parameter_server")  // which has tests of its own, servers_test.cpp
          cases.push_back(named_case(std::string(row.name), {.ranks = ranks, .global_batch = batch}));
  for (const ExchangeScheme scheme : {ExchangeScheme::b, ExchangeScheme::c}) {
    cases.push_back(named_case("one_weird_trick", {.ranks = 2, .global_batch = 12, .scheme = scheme}));
    cases.push_back(named_case("one_weird_trick", {.ranks = 3, .global_batch = 18, .scheme = scheme}));
    cases.push_back(named_case("one_weird_trick", {.ranks = 3, .global_batch = 7, .scheme = scheme}));
  }
  return cases;
}

/// Meshes with several axes.
inline std::vector<PlanCase> several_axes_cases() {
  std::vector<PlanCase> cases;
  for (const char* inside : {"filter", "channel", "megatron", "spatial", "one_weird_trick"})
    for (const int batch : {1, 7}) {  // with 1 image, a group has none
      cases.push_back(named_case("hybrid", {.ranks = 4, .global_batch = batch, .split = 2, .inside = inside}));
      cases.push_back(named_case("hybrid", {.ranks = 6, .global_batch = batch, .split = 3, .inside = inside}));
    }
  for (const ExchangeScheme scheme : {ExchangeScheme::b, ExchangeScheme::c})
    cases.push_back(
        named_case("hybrid", {.ranks = 4, .global_batch = 8, .split = 2, .inside = "one_weird_trick", .scheme = scheme}));
  for (const int rows : {2, 3}) {
    cases.push_back(by_hand({{"filters", 2}, {"rows", rows}}, {"filter", "spatial"}, 3));
    cases.push_back(by_hand({{"rows", rows}, {"channels", 2}}, {"spatial", "channel"}, 3));
    cases.push_back(by_hand({{"pairs", 2}, {"rows", rows}}, {"megatron", "spatial"}, 3));
    cases.push_back(by_hand({{"images", 2}, {"rows", rows}}, {"data", "spatial"}, 3));
    cases.push_back(by_hand({{"trick", 2}, {"rows", rows}}, {"one_weird_trick", "spatial"}, 3));
  }
  cases.push_back(by_hand({{"data", 2}, {"filters", 2}, {"rows", 2}}, {"data", "filter", "spatial"}, 5, 0));
  cases.push_back(by_hand({{"filters", 2}, {"data", 2}}, {"filter", "data"}, 5, 1));
  cases.push_back(by_hand({{"filters", 3}, {"images", 2}}, {"filter", "data"}, 5));
  cases.push_back(by_hand({{"filters", 2}, {"channels", 2}}, {"filter", "channel"}, 4));
  return cases;
}

/// Plans with rules of their own for single nodes of one model.
inline std::vector<PlanCase> overridden_cases(const std::string& model) {
  std::vector<PlanCase> cases;
  const auto with = [&](PlanCase c, std::map<std::string, std::map<std::string, Rule>> overrides) {
    c.label += ", other rules";
    c.plan.overrides = std::move(overrides);
    cases.push_back(std::move(c));
  };
  const PlanCase data = by_hand({{"images", 3}}, {"data"}, 5);
  const PlanCase filter = named_case("filter", {.ranks = 3, .global_batch = 5});
  const PlanCase spatial = named_case("spatial", {.ranks = 3, .global_batch = 5});
  if (model == "small_lenet") {
    with(data,
         {{"fc1", {{"images", Rule::filter}}}, {"relu3", {{"images", Rule::channels}}}, {"fc2", {{"images", Rule::channel}}}});
    with(filter, {{"conv2", {{"model", Rule::spatial}}}, {"relu2", {{"model", Rule::batch}}}, {"fc2", {{"model", Rule::batch}}}});
    with(spatial, {{"conv2", {{"rows", Rule::channel}}}, {"fc1", {{"rows", Rule::filter}}}, {"loss", {{"rows", Rule::batch}}}});
    // Both axes may divide the products; what lies between them can be divided by one only.
    std::map<std::string, std::map<std::string, Rule>> between;
    for (const char* node : {"relu1", "pool1", "relu2", "pool2", "flatten", "relu3", "relu4"})
      between[node] = {{"channels", Rule::replicate}};
    between["conv1"] = {{"channels", Rule::replicate}};
    with(by_hand({{"filters", 2}, {"channels", 3}}, {"filter", "channel"}, 4), between);
  } else if (model == "short_resnet") {
    with(data, {{"a.conv1", {{"images", Rule::filter}}}, {"a.norm1", {{"images", Rule::channels}}}});
    with(filter,
         {{"a.add", {{"model", Rule::batch}}}, {"b.add", {{"model", Rule::spatial}}}, {"b.norm2", {{"model", Rule::batch}}}});
    with(spatial, {{"b.project", {{"rows", Rule::filter}}}, {"average", {{"rows", Rule::batch}}}});
    for (PlanCase& c : cases) c.only_synchronised = true;
  } else {
    with(data, {{"norm", {{"images", Rule::channels}}},
                {"grouped", {{"images", Rule::grouped}}},
                {"pool", {{"images", Rule::spatial}}}});
    with(filter, {{"depthwise", {{"model", Rule::spatial}}},
                  {"concat", {{"model", Rule::replicate}}},
                  {"drop", {{"model", Rule::batch}}}});
    with(spatial,
         {{"norm", {{"rows", Rule::channels}}}, {"concat", {{"rows", Rule::channels}}}, {"drop1", {{"rows", Rule::channels}}}});
  }
  return cases;
}

/// Data parallelism with every algorithm that can sum its gradients, with its usual channels and with three, all ranks on one
/// node and, where that divides them, two nodes or nodes of two; and with what auto chooses.
inline std::vector<PlanCase> algorithm_cases(int ranks) {
  std::vector<PlanCase> cases;
  const auto add = [&](const std::string& algorithm, int channels, int ranks_per_node) {
    PlanCase c = named_case("data", {.ranks = ranks, .global_batch = 9});
    c.label += cat(", ", algorithm, ", ", channels, " channels, ", ranks_per_node, " ranks a node");
    c.plan.all_reduce = algorithm;
    c.plan.channels = channels;
    c.plan.ranks_per_node = ranks_per_node;
    if (algorithm == kAutomatic)
      c.plan.machine = GroupTopology{.ranks_per_node = ranks_per_node, .in_node = {1e-6, 1e10}, .between_nodes = {1e-5, 1e9}};
    const CollectiveRequest request{
        .world_size = ranks, .count = 1000, .channels = std::max(1, channels), .ranks_per_node = ranks_per_node};
    if (algorithm == kAutomatic || why_not(collective_algorithm(CollectiveKind::all_reduce, algorithm), request).empty())
      cases.push_back(std::move(c));
  };
  for (const int ranks_per_node : {0, ranks / 2, 2}) {
    for (const CollectiveAlgorithm& row : collective_algorithms())
      for (const int channels : {0, 3})
        if (row.kind == CollectiveKind::all_reduce) add(std::string(row.name), channels, ranks_per_node);
    add(std::string(kAutomatic), 0, ranks_per_node);
  }
  return cases;
}

inline std::vector<PlanCase> all_cases() {
  std::vector<PlanCase> cases = single_axis_cases();
  for (PlanCase& c : several_axes_cases()) cases.push_back(std::move(c));
  for (PlanCase& c : pipeline_cases()) cases.push_back(std::move(c));
  return cases;
}

}  // namespace convoy::tests
