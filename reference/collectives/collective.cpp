#include "reference/collectives/collective.h"

#include <array>

#include "reference/core/error.h"

// The table: one line an algorithm, each defined in the file that draws it. The first of a kind is the one that is used when none is
// named.
// clang-format off
#define CONVOY_ALGORITHMS(row) \
  row(ring_all_reduce)                  \
  row(binomial_all_reduce)              \
  row(double_tree_all_reduce)           \
  row(recursive_doubling_all_reduce)    \
  row(halving_doubling_all_reduce)      \
  row(swing_all_reduce)                 \
  row(hierarchical_all_reduce)          \
  row(torus_all_reduce)                 \
  row(linear_all_reduce)                \
  row(ring_reduce_scatter)              \
  row(recursive_halving_reduce_scatter) \
  row(ring_all_gather)                  \
  row(recursive_doubling_all_gather)    \
  row(bruck_all_gather)                 \
  row(neighbour_exchange_all_gather)    \
  row(binomial_broadcast)               \
  row(double_tree_broadcast)            \
  row(scatter_all_gather_broadcast)     \
  row(linear_broadcast)                 \
  row(binomial_reduce)                  \
  row(double_tree_reduce)               \
  row(linear_reduce)                    \
  row(pairwise_all_to_all)
// clang-format on

namespace convoy {

#define CONVOY_DECLARE(name) extern const CollectiveAlgorithm name;
CONVOY_ALGORITHMS(CONVOY_DECLARE)
#undef CONVOY_DECLARE

namespace {

constexpr std::array kKindNames = {"all_reduce", "reduce_scatter", "all_gather", "broadcast", "reduce", "all_to_all"};
static_assert(kKindNames.size() == kCollectiveKindCount);

std::span<const CollectiveAlgorithm> table() {
#define CONVOY_ROW(name) name,
  static const std::array rows = {CONVOY_ALGORITHMS(CONVOY_ROW)};
#undef CONVOY_ROW
  return rows;
}

/// Why no algorithm of the kind can do what is asked for.
std::string why_kind_cannot(CollectiveKind kind, const CollectiveRequest& request) {
  if (kind != CollectiveKind::all_to_all) return "";
  for (int r = 1; r < request.world_size; ++r)
    if (part_of(request, r).count != part_of(request, 0).count)
      return cat("the shards of an all_to_all change places, so they must have one size, and ", request.count, " elements on ",
                 request.world_size, " ranks do not");
  return "";
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

std::string why_not(const CollectiveAlgorithm& algorithm, const CollectiveRequest& request) {
  const std::string reason = algorithm.why_not == nullptr ? "" : algorithm.why_not(request);
  return reason.empty() ? why_kind_cannot(algorithm.kind, request) : reason;
}

std::int64_t elements_sent_by_all_channels(const CollectiveAlgorithm& algorithm, const CollectiveRequest& request) {
  CollectiveRequest each = request;
  std::int64_t sent = 0;
  for (each.channel = 0; each.channel < request.channels; ++each.channel) sent += algorithm.elements_sent(each);
  return sent;
}

double bus_bandwidth(CollectiveKind kind, double bytes, double time_s, int world_size) {
  if (!(time_s > 0)) return 0;
  const double others = static_cast<double>(world_size - 1) / world_size;
  const double algbw = bytes / time_s;
  switch (kind) {
    case CollectiveKind::all_reduce: return algbw * 2 * others;
    case CollectiveKind::reduce_scatter:
    case CollectiveKind::all_gather:
    case CollectiveKind::all_to_all: return algbw * others;
    case CollectiveKind::broadcast:
    case CollectiveKind::reduce: return algbw;
  }
  return 0;
}

}  // namespace convoy
