#include "reference/plans/plan.h"

namespace convoy {

std::vector<Bucket> gradient_buckets(const Model& model, std::int64_t bucket_bytes, DType dtype) {
  std::vector<Bucket> buckets;
  Slice open;
  const std::vector<Parameter> all = parameters(model);
  for (std::size_t i = 0; i < all.size(); ++i) {
    open.count += all[i].shape.count();
    const bool node_done = i + 1 == all.size() || all[i + 1].node != all[i].node;
    const bool full = open.count * size_bytes(dtype) >= bucket_bytes || i + 1 == all.size();
    if (!node_done || !full) continue;
    buckets.push_back({open, all[i].node});
    open = {open.end(), 0};
  }
  return buckets;
}

}  // namespace convoy
