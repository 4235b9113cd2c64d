#include "reference/collectives/lock_step.h"

namespace convoy {

std::vector<Stretch> lock_steps(CollectiveKind kind, std::string_view algorithm, const CollectiveRequest& request) {
  const CollectiveAlgorithm& row = collective_algorithm(kind, algorithm);
  if (row.stretches == nullptr || request.world_size < 2 || request.count == 0) return {};
  return row.stretches(request);
}

}  // namespace convoy
