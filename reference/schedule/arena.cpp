#include "reference/schedule/arena.h"

#include <algorithm>
#include <numeric>

namespace convoy {
namespace {

using Order = std::vector<int>;

std::size_t index(int i) { return static_cast<std::size_t>(i); }

/// After the first plan others are tried while no more pairs of blocks than this have been looked at (about 0.1 s), and no more of them.
constexpr std::int64_t kSearchedPairs = 4'000'000;
constexpr int kSearchedPlans = 40;

class Placer {
 public:
  explicit Placer(const std::vector<ArenaBlock>& blocks) : blocks_(blocks) {
    for (const ArenaBlock& block : blocks) pairs_ += std::ssize(block.apart) + 1;
  }
  [[nodiscard]] std::int64_t pairs() const { return pairs_; }

  /// One block after the other, each at the lowest place where none of those that it must be apart from lies.
  ArenaPlan place(const Order& order) {
    ArenaPlan plan{std::vector<std::int64_t>(blocks_.size(), -1), 0};
    for (const int i : order) {
      taken_.clear();
      for (const int other : blocks_[index(i)].apart)
        if (const std::int64_t offset = plan.offset_bytes[index(other)]; offset >= 0)
          taken_.emplace_back(offset, offset + blocks_[index(other)].bytes);
      std::ranges::sort(taken_);
      std::int64_t offset = 0;
      for (const auto& [begin, end] : taken_) {
        if (offset + blocks_[index(i)].bytes <= begin) break;
        offset = std::max(offset, end);
      }
      plan.offset_bytes[index(i)] = offset;
      plan.total_bytes = std::max(plan.total_bytes, offset + blocks_[index(i)].bytes);
    }
    return plan;
  }

 private:
  const std::vector<ArenaBlock>& blocks_;
  std::int64_t pairs_ = 0;
  std::vector<std::pair<std::int64_t, std::int64_t>> taken_;
};

/// Blocks by a key, lowest first; equal ones as they were.
template <class Key>
Order ordered(const std::vector<ArenaBlock>& blocks, const Key& key) {
  Order order(blocks.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, {}, [&](int i) { return key(blocks[index(i)]); });
  return order;
}

/// Blocks of the moment at which most bytes are needed, largest first, then those of the next such moment, and so on.
Order by_breadth(const std::vector<ArenaBlock>& blocks) {
  int moments = 0;
  for (const ArenaBlock& block : blocks) moments = std::max(moments, block.last + 1);
  std::vector<std::int64_t> needed(index(moments) + 1, 0);
  for (const ArenaBlock& block : blocks) {
    needed[index(block.first)] += block.bytes;
    needed[index(block.last) + 1] -= block.bytes;
  }
  std::partial_sum(needed.begin(), needed.end(), needed.begin());
  return ordered(blocks, [&](const ArenaBlock& block) {
    const auto most = std::max_element(needed.begin() + block.first, needed.begin() + block.last + 1);
    return std::pair{-*most, -block.bytes};
  });
}

std::vector<Order> orders_of(const std::vector<ArenaBlock>& blocks) {
  const auto moments = [](const ArenaBlock& block) { return std::int64_t{block.last} - block.first + 1; };
  return {ordered(blocks, [](const ArenaBlock& block) { return -block.bytes; }),
          by_breadth(blocks),
          ordered(blocks, [](const ArenaBlock& block) { return std::pair{block.first, -block.bytes}; }),
          ordered(blocks, [](const ArenaBlock& block) { return std::pair{-block.last, -block.bytes}; }),
          ordered(blocks, [&](const ArenaBlock& block) { return -block.bytes * moments(block); }),
          ordered(blocks, [&](const ArenaBlock& block) { return std::pair{-moments(block), -block.bytes}; })};
}

/// What lies on top goes to the front.
void move_up(Order& order, const ArenaPlan& plan, const std::vector<ArenaBlock>& blocks) {
  std::ranges::stable_partition(
      order, [&](int i) { return plan.offset_bytes[index(i)] + blocks[index(i)].bytes == plan.total_bytes; });
}

}  // namespace

ArenaPlan place_blocks(const std::vector<ArenaBlock>& blocks, std::int64_t least_bytes) {
  Placer placer(blocks);
  ArenaPlan best;
  Order best_order;
  std::int64_t searched = 0;
  for (Order& order : orders_of(blocks)) {
    ArenaPlan plan = placer.place(order);
    searched += placer.pairs();
    if (best_order.empty() || plan.total_bytes < best.total_bytes) {
      best = std::move(plan);
      best_order = std::move(order);
    }
    if (best.total_bytes <= least_bytes || searched > kSearchedPairs) return best;
  }
  Order order = best_order;
  ArenaPlan plan = best;
  for (int tried = 0; tried < kSearchedPlans && searched < kSearchedPairs && best.total_bytes > least_bytes; ++tried) {
    move_up(order, plan, blocks);
    plan = placer.place(order);
    searched += placer.pairs();
    if (plan.total_bytes < best.total_bytes) best = plan;
  }
  return best;
}

}  // namespace convoy
