#include "reference/plans/rule.h"

#include <algorithm>
#include <array>
#include <limits>

#include "reference/core/error.h"

namespace convoy {
namespace {

constexpr std::array kRules = {"replicate", "batch", "filter", "channel", "channels", "grouped", "spatial", "root"};
constexpr int kNoLimit = std::numeric_limits<int>::max();

template <class L>
bool is(const Layer& layer) {
  return std::holds_alternative<L>(layer);
}
bool has_filters(const Layer& layer) { return is<Conv2d>(layer) || is<Linear>(layer); }

const Window* window_of(const Layer& layer) {
  if (const auto* conv = std::get_if<Conv2d>(&layer)) return &conv->window;
  if (const auto* pool = std::get_if<MaxPool2d>(&layer)) return &pool->window;
  if (const auto* pool = std::get_if<AvgPool2d>(&layer)) return &pool->window;
  return nullptr;
}

int groups_of(const Layer& layer) {
  const auto* conv = std::get_if<Conv2d>(&layer);
  return conv == nullptr ? 1 : conv->groups;
}

/// The same placement for everything that goes through the node.
NodePlacement everywhere(const NodeGeometry& g, const Placement& placement) {
  NodePlacement p;
  p.inputs.assign(g.inputs.size(), placement);
  p.made = p.given_dy = placement;
  p.dx = p.inputs;
  return p;
}

NodePlacement by_batch(const NodeGeometry& g, std::vector<Slice> parts) {
  NodePlacement p = everywhere(g, sharded(Dim::batch, std::move(parts)));
  p.weights_partial = true;
  p.different_samples = true;
  return p;
}

NodePlacement by_filter(const NodeGeometry& g, int extent) {
  NodePlacement p = everywhere(g, replicated());
  const std::vector<Slice> parts = even_parts(g.output.c, extent);
  p.made = p.given_dy = sharded(Dim::channels, parts);
  p.dx = {partial()};
  p.weight = sharded(Dim::batch, parts);
  p.bias = sharded(Dim::channels, parts);
  return p;
}

/// The channel shards that a node is handed, or even ones.
std::vector<Slice> channel_parts(const NodeGeometry& g, int extent) {
  const Placement& producer = g.producers.front();
  return is_disjoint_shard(producer, Dim::channels) ? producer.parts : even_parts(g.inputs.front().c, extent);
}

NodePlacement by_channel(const NodeGeometry& g, int extent) {
  const std::vector<Slice> parts = channel_parts(g, extent);
  NodePlacement p = everywhere(g, sharded(Dim::channels, parts));
  p.made = partial();
  p.given_dy = replicated();
  const std::int64_t values = is<Linear>(g.node.layer) ? std::int64_t{g.inputs.front().h} * g.inputs.front().w : 1;
  p.weight = sharded(Dim::channels, scaled(parts, values));
  return p;
}

NodePlacement by_groups(const NodeGeometry& g, int extent) {
  const int groups = groups_of(g.node.layer);
  const std::vector<Slice> parts = even_parts(groups, extent);
  const std::vector<Slice> outputs = scaled(parts, g.output.c / groups);
  NodePlacement p = everywhere(g, sharded(Dim::channels, scaled(parts, g.inputs.front().c / groups)));
  p.made = p.given_dy = p.bias = sharded(Dim::channels, outputs);
  p.weight = sharded(Dim::batch, outputs);
  return p;
}

/// Channels [begin, end) of a concatenation as those of the input that stands at `offset` in it.
std::vector<Slice> part_of_input(const std::vector<Slice>& parts, std::int64_t offset, std::int64_t count) {
  std::vector<Slice> mine;
  for (const Slice& part : parts) {
    const Slice common = intersection(part, {offset, count});
    mine.push_back({std::clamp<std::int64_t>(common.offset - offset, 0, count), common.count});
  }
  return mine;
}

NodePlacement by_channels(const NodeGeometry& g, int extent) {
  if (is<Concat>(g.node.layer)) {
    NodePlacement p = everywhere(g, sharded(Dim::channels, even_parts(g.output.c, extent)));
    std::int64_t offset = 0;
    for (std::size_t j = 0; j < g.inputs.size(); ++j) {
      p.inputs[j].parts = p.dx[j].parts = part_of_input(p.made.parts, offset, g.inputs[j].c);
      offset += g.inputs[j].c;
    }
    return p;
  }
  const std::vector<Slice> parts = channel_parts(g, extent);
  NodePlacement p = everywhere(g, sharded(Dim::channels, parts));
  p.weight = p.bias = p.made;
  if (is<Flatten>(g.node.layer))
    p.made.parts = p.given_dy.parts = scaled(parts, std::int64_t{g.inputs.front().h} * g.inputs.front().w);
  if (const auto* norm = std::get_if<LocalResponseNorm>(&g.node.layer)) {
    for (Slice& part : p.inputs.front().parts) {
      if (part.count == 0) continue;
      part = intersection(Slice{part.offset - norm->before(), part.count + norm->before() + norm->behind()}, {0, g.output.c});
    }
    p.dx.front() = p.inputs.front();
    p.dx.front().terms = true;
  }
  return p;
}

NodePlacement by_rows(const NodeGeometry& g, int extent) {
  const bool averages = is<GlobalAvgPool2d>(g.node.layer);
  const bool slides = slides_over_rows(g.node.layer);
  const Placement& producer = g.producers.front();
  const int rows = averages ? g.inputs.front().h : g.output.h;
  std::vector<Slice> parts = even_parts(rows, extent);
  if (!slides && is_disjoint_shard(producer, Dim::rows)) parts = producer.parts;
  NodePlacement p = everywhere(g, sharded(Dim::rows, parts));
  p.weights_partial = true;
  if (averages) {
    p.made = partial();
    p.given_dy = replicated();
  }
  if (is<Scale>(g.node.layer)) {  // every rank has all factors, and its rows' terms of their gradient
    p.inputs[1] = replicated();
    p.dx[1] = partial();
  }
  if (!slides) return p;
  for (Slice& part : p.inputs.front().parts) part = rows_needed(g.node.layer, part, g.inputs.front().h);
  p.dx.front() = p.inputs.front();
  p.dx.front().terms = true;  // some rows are needed by two ranks, and some by none
  return p;
}

/// What a rule divides, in words.
std::string_view divided_by(Rule rule) {
  switch (rule) {
    case Rule::filter: return "filters";
    case Rule::grouped: return "groups";
    case Rule::spatial: return "rows";
    default: return "channels";
  }
}

}  // namespace

std::string_view to_string(Rule rule) { return kRules.at(static_cast<std::size_t>(rule)); }

Rule parse_rule(std::string_view name) {
  for (std::size_t i = 0; i < kRules.size(); ++i)
    if (name == kRules.at(i)) return static_cast<Rule>(i);
  throw_unknown_word("rule", name, {kRules.begin(), kRules.end()});
}

Slice rows_needed(const Window& window, const Slice& output_rows, int input_rows) {
  const std::int64_t first = output_rows.offset * window.stride_h - window.padding_h;
  if (output_rows.count == 0) return {std::clamp<std::int64_t>(first, 0, input_rows), 0};
  const std::int64_t count = (output_rows.count - 1) * window.stride_h + window.span_h();
  return intersection(Slice{first, count}, {0, input_rows});
}

bool slides_over_rows(const Layer& layer) { return window_of(layer) != nullptr || is<AdaptiveAvgPool2d>(layer); }

Slice rows_needed(const Layer& layer, const Slice& output_rows, int input_rows) {
  if (const Window* window = window_of(layer)) return rows_needed(*window, output_rows, input_rows);
  const std::vector<PoolSpan> spans = pool_spans_h(std::get<AdaptiveAvgPool2d>(layer), input_rows);
  if (output_rows.count == 0)
    return {output_rows.offset < std::ssize(spans) ? spans[static_cast<std::size_t>(output_rows.offset)].begin : input_rows, 0};
  const int begin = spans[static_cast<std::size_t>(output_rows.offset)].begin;
  return {begin, spans[static_cast<std::size_t>(output_rows.end() - 1)].end - begin};
}

int most_ranks(const NodeGeometry& g, Rule rule) {
  const Layer& layer = g.node.layer;
  const bool is_loss = is<SoftmaxCrossEntropy>(layer);
  switch (rule) {
    case Rule::replicate:
    case Rule::batch:
    case Rule::root: return kNoLimit;
    case Rule::filter: return has_filters(layer) && groups_of(layer) == 1 ? g.output.c : 0;
    case Rule::channel: return has_filters(layer) && groups_of(layer) == 1 ? g.inputs.front().c : 0;
    case Rule::grouped: return is<Conv2d>(layer) ? groups_of(layer) : 0;
    case Rule::channels:
      return has_filters(layer) || is_loss || is<ChannelSelect>(layer) ? 0 : is<Concat>(layer) ? g.output.c : g.inputs.front().c;
    case Rule::spatial:
      if (is<Linear>(layer) || is<Flatten>(layer) || is_loss) return 0;
      return is<GlobalAvgPool2d>(layer) ? g.inputs.front().h : g.output.h;
  }
  return 0;
}

NodePlacement placement_of(const NodeGeometry& g, Rule rule, int extent) {
  if (extent == 1) return everywhere(g, replicated());
  const int most = most_ranks(g, rule);
  if (most == 0)
    throw InputError(
        cat("node '", g.node.name, "': a ", kind_name(g.node.layer), groups_of(g.node.layer) > 1 ? " with groups" : "",
            " cannot be divided by the rule '", to_string(rule), "'; give it the rule ",
            has_filters(g.node.layer) && rule != Rule::spatial
                ? (groups_of(g.node.layer) > 1 ? "'grouped', 'replicate' or 'batch'" : "'filter', 'channel' or 'batch'")
                : "'replicate' or 'batch'"));
  if (rule == Rule::channel && has_fused_relu(g.node.layer))
    throw InputError(cat("node '", g.node.name, "' ends with a ReLU, which cannot be applied to the terms of a sum that the rule "
                         "'channel' makes; give the node the rule 'filter' or 'batch', or fuse no ReLU into it"));
  if (extent > most)
    throw InputError(cat("node '", g.node.name, "': ", most, " ", divided_by(rule), " cannot be divided among ", extent,
                         " ranks by the rule '", to_string(rule), "'; use at most ", most,
                         " ranks on this axis, or give the node the rule 'replicate'"));
  switch (rule) {
    case Rule::replicate: return everywhere(g, replicated());
    case Rule::batch: return by_batch(g, even_parts(g.output.n, extent));
    case Rule::root: {
      std::vector<Slice> parts(static_cast<std::size_t>(extent), Slice{g.output.n, 0});
      parts.front() = {0, g.output.n};
      return by_batch(g, std::move(parts));
    }
    case Rule::filter: return by_filter(g, extent);
    case Rule::channel: return by_channel(g, extent);
    case Rule::grouped: return by_groups(g, extent);
    case Rule::channels: return by_channels(g, extent);
    case Rule::spatial: return by_rows(g, extent);
  }
  return {};
}

}  // namespace convoy
