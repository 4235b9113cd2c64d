#include "reference/plans/layout.h"

#include <optional>

#include "reference/core/error.h"

namespace convoy {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

class LayoutBuilder {
 public:
  LayoutBuilder(const Model& model, const Plan& plan, int batch)
      : model_(model), plan_(plan), batch_(batch), axes_(static_cast<int>(plan.mesh.axes.size())), rules_(rules_of(model, plan)) {
    layout_.outputs = output_shapes(model, batch);
    for (std::size_t i = 0; i < model.nodes.size(); ++i) layout_.nodes.push_back(empty_node(static_cast<int>(i)));
    layout_.images.assign(plan.mesh.axes.size(), replicated());
  }

  Layout build() {
    for (int axis = 0; axis < axes_; ++axis) {
      if (axis == plan_.batch_axis) {
        for (NodeLayout& node : layout_.nodes) add_batch_axis(node);
        continue;
      }
      layout_.images[index(axis)] = placement_of_images(axis);
      for (int i = 0; i < static_cast<int>(model_.nodes.size()); ++i) place(i, axis);
    }
    for (std::size_t i = 0; i < model_.nodes.size(); ++i) check_directions(i);
    return std::move(layout_);
  }

 private:
  [[nodiscard]] int extent(int axis) const { return plan_.mesh.axes[index(axis)].extent; }

  [[nodiscard]] NodeLayout empty_node(int i) const {
    const std::size_t inputs = model_.nodes[index(i)].inputs.size();
    const State everywhere(plan_.mesh.axes.size(), replicated());
    NodeLayout node;
    node.rules = rules_[index(i)];
    node.inputs = node.dx = std::vector<State>(inputs, everywhere);
    node.made = node.output = node.given_dy = node.weight = node.bias = everywhere;
    return node;
  }

  void add_batch_axis(NodeLayout& node) const {
    if (extent(plan_.batch_axis) == 1) return;
    node.summed_over.push_back(plan_.batch_axis);
    (plan_.synchronised_statistics ? node.together : node.apart).push_back(plan_.batch_axis);
  }

  [[nodiscard]] const Placement& output_on(int node, int axis) const {
    return node == kImages ? layout_.images[index(axis)] : layout_.nodes[index(node)].output[index(axis)];
  }

  [[nodiscard]] NodeGeometry geometry(int i, const std::vector<Placement>& producers) const {
    return {model_.nodes[index(i)], input_shapes(model_, i, layout_.outputs, batch_), layout_.outputs[index(i)], producers};
  }

  /// Images are loaded by parts where all who read them want the same samples, else whole: a loader reads whole images.
  [[nodiscard]] Placement placement_of_images(int axis) const {
    std::optional<Placement> wanted;
    if (plan_.at_root) {
      std::vector<Slice> parts(index(extent(axis)), Slice{batch_, 0});
      parts.front() = {0, batch_};
      return extent(axis) == 1 ? replicated() : sharded(Dim::batch, std::move(parts));
    }
    for (int i = 0; i < static_cast<int>(model_.nodes.size()); ++i) {
      const Node& node = model_.nodes[index(i)];
      for (std::size_t j = 0; j < node.inputs.size(); ++j) {
        if (node.inputs[j] != kImages) continue;
        const std::vector<Placement> producers(node.inputs.size(), replicated());
        const Placement need = placement_of(geometry(i, producers), rules_[index(i)][index(axis)], extent(axis)).inputs[j];
        if (!is_disjoint_shard(need, Dim::batch) || (wanted && !(*wanted == need))) return replicated();
        wanted = need;
      }
    }
    return wanted.value_or(replicated());
  }

  void place(int i, int axis) {
    const Node& node = model_.nodes[index(i)];
    std::vector<Placement> producers;
    for (const int input : node.inputs) producers.push_back(output_on(input, axis));
    const NodePlacement placement = placement_of(geometry(i, producers), rules_[index(i)][index(axis)], extent(axis));
    NodeLayout& layout = layout_.nodes[index(i)];
    const std::size_t a = index(axis);
    for (std::size_t j = 0; j < node.inputs.size(); ++j) {
      layout.inputs[j][a] = placement.inputs[j];
      layout.dx[j][a] = placement.dx[j];
    }
    layout.made[a] = placement.made;
    layout.given_dy[a] = placement.given_dy;
    layout.weight[a] = placement.weight;
    layout.bias[a] = placement.bias;
    layout.output[a] = placement.made.kind == Placement::Kind::partial ? wanted_by_readers(i, axis) : placement.made;
    if (placement.weights_partial) layout.summed_over.push_back(axis);
    if (extent(axis) == 1) return;
    if (placement.different_samples) (plan_.synchronised_statistics ? layout.together : layout.apart).push_back(axis);
    if (layout.rules[a] == Rule::spatial) layout.together.push_back(axis);
  }

  /// Where a sum over ranks should go: to the shards that all readers of the node want, or to every rank.
  [[nodiscard]] Placement wanted_by_readers(int i, int axis) const {
    std::optional<Placement> wanted;
    for (int reader = i + 1; reader < static_cast<int>(model_.nodes.size()); ++reader) {
      const Node& node = model_.nodes[index(reader)];
      for (std::size_t j = 0; j < node.inputs.size(); ++j) {
        if (node.inputs[j] != i) continue;
        const std::vector<Placement> producers(node.inputs.size(), replicated());
        const Placement need =
            placement_of(geometry(reader, producers), rules_[index(reader)][index(axis)], extent(axis)).inputs[j];
        const bool all = is_partition(need, box_of(layout_.outputs[index(i)]).along(need.dim).count);
        if (!all || (wanted && !(*wanted == need))) return replicated();
        wanted = need;
      }
    }
    return wanted.value_or(replicated());
  }

  /// No two axes may divide one tensor in the same direction.
  void check_directions(std::size_t i) const {
    const NodeLayout& node = layout_.nodes[i];
    const auto check = [&](const State& state) {
      for (std::size_t a = 0; a < state.size(); ++a)
        for (std::size_t b = 0; b < a; ++b)
          if (state[a].kind == Placement::Kind::shard && state[b].kind == Placement::Kind::shard && state[a].dim == state[b].dim)
            throw InputError(cat("node '", model_.nodes[i].name, "': the axes '", plan_.mesh.axes[b].name, "' and '",
                                 plan_.mesh.axes[a].name, "' both divide ", to_string(state[a]),
                                 "; give the node another rule on one of them, or make them one axis"));
    };
    check(node.made);
    for (const State& input : node.inputs) check(input);
  }

  const Model& model_;
  const Plan& plan_;
  int batch_;
  int axes_;
  std::vector<std::vector<Rule>> rules_;
  Layout layout_;
};

}  // namespace

std::vector<Shape> input_shapes(const Model& model, int node, const std::vector<Shape>& outputs, int batch) {
  std::vector<Shape> shapes;
  for (const int input : model.nodes[index(node)].inputs)
    shapes.push_back(input == kImages ? model.image.with_batch(batch) : outputs[index(input)]);
  return shapes;
}

Layout layout_of(const Model& model, const Plan& plan, int batch) { return LayoutBuilder(model, plan, batch).build(); }

}  // namespace convoy
