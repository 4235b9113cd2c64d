/// `megatron`: layers in pairs, the first divided by filters and the second by input channels, so that nothing is sent between
/// them (Shoeybi et al. 2019, who did it to the two linear layers of a transformer's block).
///
///     x ──▶ [filter] ──▶ ReLU, ... on channels ──▶ [channel] ──▶ sum ──▶ y
///     Replicate       Shard(channels)                  Partial    all-reduce   Replicate
///
///   forward      one all-reduce a pair, of the second layer's output
///   backward     one all-reduce a pair, of the gradient of the first layer's input
///   elements     sent by each rank and pair: 2 (n-1)/n of that output, and of that input, when even
/// A layer without a partner, or with fewer filters than ranks, is computed everywhere.
#include "reference/plans/plan.h"
#include "reference/plans/strategies.h"

namespace convoy {
namespace {

Plan make(const PlanRequest& request) {
  return {.name = "megatron",
          .mesh = {{{"model", request.ranks}}},
          .global_batch = request.global_batch,
          .batch_axis = -1,
          .strategies = {"megatron"}};
}

/// Whether layers of this kind pass shards of channels on.
bool passes_channels_on(const Layer& layer) {
  return !is_product(layer) && !std::holds_alternative<SoftmaxCrossEntropy>(layer) && !has_several_inputs(layer) &&
         !std::holds_alternative<LocalResponseNorm>(layer) && !std::holds_alternative<ChannelSelect>(layer);
}

class Pairs {
 public:
  Pairs(const Model& model, int extent)
      : model_(model), extent_(extent), shapes_(output_shapes(model, 1)), rules_(model.nodes.size(), Rule::replicate) {}

  std::vector<Rule> find() {
    for (int i = 0; i < static_cast<int>(model_.nodes.size()); ++i) {
      if (!is_product(layer(i)) || rule(i) != Rule::replicate || shapes_[index(i)].c < extent_) continue;
      std::vector<int> between;
      const int second = partner(i, between);
      if (second < 0) continue;
      rule(i) = Rule::filter;
      rule(second) = Rule::channel;
      for (const int node : between) rule(node) = by_channels_rule(layer(node));
    }
    return rules_;
  }

 private:
  static std::size_t index(int i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] const Layer& layer(int i) const { return model_.nodes[index(i)].layer; }
  Rule& rule(int i) { return rules_[index(i)]; }

  /// The product that reads what `first` makes, and the nodes between; -1 when there is none, or when it is read elsewhere too.
  int partner(int first, std::vector<int>& between) {
    for (int node = first;;) {
      const int next = only_reader(node);
      if (next < 0) return -1;
      if (is_product(layer(next))) return rule(next) == Rule::replicate ? next : -1;
      if (!passes_channels_on(layer(next)) || !can_be_divided(next)) return -1;
      between.push_back(next);
      node = next;
    }
  }
  [[nodiscard]] bool can_be_divided(int i) const {
    const auto* conv = std::get_if<Conv2d>(&layer(i));
    return conv == nullptr || conv->groups >= extent_;
  }
  [[nodiscard]] int only_reader(int node) const {
    int reader = -1;
    for (int i = node + 1; i < static_cast<int>(model_.nodes.size()); ++i)
      for (const int input : model_.nodes[index(i)].inputs) {
        if (input != node) continue;
        if (reader >= 0) return -1;
        reader = i;
      }
    return reader;
  }

  const Model& model_;
  int extent_;
  std::vector<Shape> shapes_;
  std::vector<Rule> rules_;
};

std::vector<Rule> rules(const Model& model, int extent) { return Pairs(model, extent).find(); }

}  // namespace

const NamedPlan megatron_plan{"megatron", "layers in pairs, filters of the first and channels of the second divided", make,
                              rules};

}  // namespace convoy
