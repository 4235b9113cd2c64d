#include <algorithm>

#include "reference/model/fuse.h"
#include "reference/plans/plan.h"

namespace convoy {

Model fused_for(const Model& model, const Plan& plan) {
  const std::vector<std::vector<Rule>> rules = rules_of(model, plan);
  const auto node = [&](int i) -> const Node& { return model.nodes[static_cast<std::size_t>(i)]; };
  return fuse(model, [&](int into, int absorbed) {
    if (plan.overrides.contains(node(absorbed).name)) return false;
    const std::vector<std::string>& cuts = plan.pipeline.cuts;
    if (std::find(cuts.begin(), cuts.end(), node(absorbed).name) != cuts.end()) return false;
    for (std::size_t a = 0; a < plan.mesh.axes.size(); ++a)
      if (plan.mesh.axes[a].extent > 1 && rules[static_cast<std::size_t>(into)][a] == Rule::channel) return false;
    return true;
  });
}

Model model_for(const Model& model, const Plan& plan) { return plan.fusion == Fusion::on ? fused_for(model, plan) : model; }

}  // namespace convoy
