#include "reference/collectives/collective.h"

#include <array>

#include "reference/core/error.h"

namespace convoy {
namespace {

constexpr std::array kKindNames = {"all_reduce", "reduce_scatter", "all_gather", "broadcast", "reduce"};
static_assert(kKindNames.size() == kCollectiveKindCount);

/// The table. One row an algorithm.
std::span<const CollectiveAlgorithm> table() {
  static const std::array rows = {ring_all_reduce, ring_reduce_scatter, ring_all_gather, binomial_broadcast, binomial_reduce};
  return rows;
}

}  // namespace

std::string_view to_string(CollectiveKind kind) { return kKindNames.at(static_cast<std::size_t>(kind)); }

CollectiveKind parse_collective_kind(std::string_view name) {
  for (std::size_t i = 0; i < kKindNames.size(); ++i)
    if (name == kKindNames.at(i)) return static_cast<CollectiveKind>(i);
  throw_unknown_word("collective", name, {kKindNames.begin(), kKindNames.end()});
}

Slice part_of(const CollectiveRequest& request, int rank) {
  if (request.bounds.empty()) return shard(Slice{0, request.count}, request.world_size, rank);
  const auto r = static_cast<std::size_t>(rank);
  return {request.bounds.at(r), request.bounds.at(r + 1) - request.bounds.at(r)};
}

std::span<const CollectiveAlgorithm> collective_algorithms() { return table(); }

const CollectiveAlgorithm& collective_algorithm(CollectiveKind kind, std::string_view name) {
  std::vector<std::string> known;
  for (const CollectiveAlgorithm& row : table()) {
    if (row.kind != kind) continue;
    if (row.name == name) return row;
    known.emplace_back(row.name);
  }
  throw_unknown_word(cat("algorithm for ", to_string(kind)), name, known);
}

double bus_bandwidth(CollectiveKind kind, double bytes, double time_s, int world_size) {
  if (!(time_s > 0)) return 0;
  const double others = static_cast<double>(world_size - 1) / world_size;
  const double algbw = bytes / time_s;
  switch (kind) {
    case CollectiveKind::all_reduce: return algbw * 2 * others;
    case CollectiveKind::reduce_scatter:
    case CollectiveKind::all_gather: return algbw * others;
    case CollectiveKind::broadcast:
    case CollectiveKind::reduce: return algbw;
  }
  return 0;
}

}  // namespace convoy
