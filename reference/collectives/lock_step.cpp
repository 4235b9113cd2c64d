#include "reference/collectives/lock_step.h"

#include <algorithm>

namespace convoy {
namespace {

/// Sum over chunks of the largest piece among all shards, of what the channel has of them.
std::int64_t largest_pieces(const CollectiveRequest& request) {
  // Without bounds there are shards of two sizes at most, and the first and the last are such.
  std::vector<std::int64_t> shards = {part_of(request, 0).count, part_of(request, request.world_size - 1).count};
  if (!request.bounds.empty())
    for (int rank = 1; rank < request.world_size - 1; ++rank) shards.push_back(part_of(request, rank).count);
  for (std::int64_t& count : shards) count = shard(count, request.channels, request.channel).count;
  std::int64_t sum = 0;
  for (int chunk = 0; chunk < request.chunks; ++chunk) {
    std::int64_t largest = 0;
    for (const std::int64_t count : shards) largest = std::max(largest, shard(count, request.chunks, chunk).count);
    sum += largest;
  }
  return sum;
}

}  // namespace

std::vector<Stretch> lock_steps(CollectiveKind kind, std::string_view algorithm, const CollectiveRequest& request) {
  const int n = request.world_size;
  if (algorithm != "ring" || n < 2 || request.count == 0) return {};
  const int times = kind == CollectiveKind::all_reduce ? 2 : 1;
  const std::int64_t once = std::int64_t{request.chunks} * (n - 1);
  // In every round of a chunk every shard's piece of it is under way.
  return {{.rounds = times * once,
           .adds = is_reduction(kind) ? once : 0,
           .elements = times * std::int64_t{n - 1} * largest_pieces(request),
           .size = n,
           .stride = 1,
           .order = request.channels > 1 ? std::make_shared<const RingOrder>(request) : nullptr}};
}

}  // namespace convoy
