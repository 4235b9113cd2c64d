#include "reference/plans/placement.h"

#include <array>

#include "reference/core/error.h"

namespace convoy {

Placement replicated() { return {}; }
Placement partial() { return {.kind = Placement::Kind::partial, .dim = Dim::batch, .parts = {}, .terms = false}; }
Placement sharded(Dim dim, std::vector<Slice> parts) {
  return {.kind = Placement::Kind::shard, .dim = dim, .parts = std::move(parts), .terms = false};
}

std::vector<Slice> even_parts(std::int64_t count, int extent) {
  std::vector<Slice> parts;
  for (int k = 0; k < extent; ++k) parts.push_back(shard(count, extent, k));
  return parts;
}

std::vector<Slice> scaled(std::vector<Slice> parts, std::int64_t factor) {
  for (Slice& part : parts) part = {part.offset * factor, part.count * factor};
  return parts;
}

bool is_disjoint_shard(const Placement& placement) {
  if (placement.kind != Placement::Kind::shard) return false;
  for (std::size_t k = 1; k < placement.parts.size(); ++k)
    if (placement.parts[k].offset < placement.parts[k - 1].end()) return false;
  return true;
}
bool is_disjoint_shard(const Placement& placement, Dim dim) { return is_disjoint_shard(placement) && placement.dim == dim; }

bool is_partition(const Placement& placement, std::int64_t count) {
  std::int64_t held = 0;
  for (const Slice& part : placement.parts) held += part.count;
  return is_disjoint_shard(placement) && held == count;
}

std::string to_string(const Placement& placement) {
  constexpr std::array kDims = {"batch", "channels", "rows"};
  switch (placement.kind) {
    case Placement::Kind::replicate: return "Replicate";
    case Placement::Kind::partial: return "Partial";
    case Placement::Kind::shard: break;
  }
  return cat("Shard(", kDims.at(static_cast<std::size_t>(placement.dim)), ")", is_disjoint_shard(placement) ? "" : " + halo");
}

std::string to_string(const State& state) {
  std::string text;
  for (const Placement& placement : state) text += cat(text.empty() ? "" : ", ", to_string(placement));
  return text;
}

Box local_box(const Box& whole, const State& state, const std::vector<int>& coordinates) {
  Box box = whole;
  for (std::size_t axis = 0; axis < state.size(); ++axis) {
    const Placement& placement = state[axis];
    if (placement.kind != Placement::Kind::shard) continue;
    Slice& slice = box.along(placement.dim);
    slice = intersection(slice, placement.parts.at(static_cast<std::size_t>(coordinates.at(axis))));
  }
  return box;
}

}  // namespace convoy
