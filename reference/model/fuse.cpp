#include "reference/model/fuse.h"

#include <algorithm>

namespace convoy {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

class Fuser {
 public:
  Fuser(const Model& model, const MayFuse& may_fuse) : model_(model), may_fuse_(may_fuse), nodes_(model.nodes) {
    readers_.resize(model.nodes.size());
    for (std::size_t i = 0; i < model.nodes.size(); ++i) {
      became_.push_back(static_cast<int>(i));
      for (const int input : model.nodes[i].inputs)
        if (input != kImages) readers_[index(input)].push_back(static_cast<int>(i));
    }
  }

  Model run() {
    for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) {
      if (std::holds_alternative<ReLU>(nodes_[index(i)].layer)) absorb_relu(i);
      if (std::holds_alternative<Add>(nodes_[index(i)].layer)) absorb_add(i);
    }
    for (int i = 0; i < static_cast<int>(nodes_.size()); ++i) sum_up_for_norm(i);
    return without_absorbed();
  }

 private:
  /// The node that node i of the model is part of by now.
  [[nodiscard]] int now(int i) const { return i == kImages || became_[index(i)] == i ? i : now(became_[index(i)]); }

  /// Whether reader i is the only one of node `from`, once.
  [[nodiscard]] bool reads_alone(int i, int from) const { return readers_[index(from)] == std::vector<int>{i}; }
  [[nodiscard]] bool allowed(int into, int absorbed) const { return !may_fuse_ || may_fuse_(into, absorbed); }

  void absorb(int into, int absorbed) {
    became_[index(absorbed)] = into;
    readers_[index(into)] = readers_[index(absorbed)];
  }

  void absorb_relu(int i) {
    const int from = now(nodes_[index(i)].inputs.front());
    if (from == kImages || !reads_alone(i, from) || has_fused_relu(nodes_[index(from)].layer) || !allowed(from, i)) return;
    const bool done = std::visit(
        [](auto& layer) {
          if constexpr (requires { layer.relu; }) return layer.relu = true;
          return false;
        },
        nodes_[index(from)].layer);
    if (done) absorb(from, i);
  }

  /// An addition of two becomes part of the BatchNorm2d that is the later of them: what it adds is there by then.
  void absorb_add(int i) {
    const std::vector<int>& inputs = nodes_[index(i)].inputs;
    if (inputs.size() != 2) return;
    const int first = now(inputs[0]), second = now(inputs[1]);
    const int into = std::max(first, second), other = std::min(first, second);
    if (into == other || into == kImages || !reads_alone(i, into) || !allowed(into, i)) return;
    auto* norm = std::get_if<BatchNorm2d>(&nodes_[index(into)].layer);
    if (norm == nullptr || norm->relu || norm->adds) return;
    norm->adds = true;
    nodes_[index(into)].inputs.push_back(other);
    if (other != kImages) std::replace(readers_[index(other)].begin(), readers_[index(other)].end(), i, into);
    absorb(into, i);
  }

  void sum_up_for_norm(int i) {
    const auto* norm = std::get_if<BatchNorm2d>(&nodes_[index(i)].layer);
    if (norm == nullptr || now(i) != i) return;
    const int from = now(nodes_[index(i)].inputs.front());
    if (from == kImages || !reads_alone(i, from) || !allowed(from, i)) return;
    if (auto* conv = std::get_if<Conv2d>(&nodes_[index(from)].layer); conv != nullptr && !conv->relu) conv->statistics = true;
  }

  [[nodiscard]] Model without_absorbed() const {
    Model fused{model_.name, model_.image, model_.classes, {}};
    std::vector<int> place(nodes_.size(), kImages);
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
      if (became_[i] != static_cast<int>(i)) continue;
      place[i] = static_cast<int>(fused.nodes.size());
      Node node = nodes_[i];
      node.origin = origin_of(model_, static_cast<int>(i));
      for (int& input : node.inputs)
        if (input != kImages) input = place[index(now(input))];
      fused.nodes.push_back(std::move(node));
    }
    check(fused);
    return fused;
  }

  const Model& model_;
  const MayFuse& may_fuse_;
  std::vector<Node> nodes_;
  std::vector<int> became_;                ///< of every node the one that it is part of
  std::vector<std::vector<int>> readers_;  ///< of every node, those that are left
};

}  // namespace

Model fuse(const Model& model, const MayFuse& may_fuse) { return Fuser(model, may_fuse).run(); }

}  // namespace convoy
