/// Double binary tree: two binary trees in which no rank has children in both, each for half of the elements, in a pipeline
/// (Sanders, Speck, Träff 2009; the trees are those of NCCL 2.4).
///
///   n = 8, ranks counted from the root      tree of even channels            tree of odd channels
///                                                  0                                0
///                                                  │                                │
///                                                  4                                3
///                                              ┌───┴───┐                        ┌───┴───┐
///                                              2       6                        1       5
///                                            ┌─┴─┐   ┌─┴─┐                    ┌─┴─┐   ┌─┴─┐
///                                            1   3   5   7                    7   2   4   6
///
/// The tree of even channels has the labels 1 to m = n-1 in order, odd ones being leaves; for odd channels labels are shifted by
/// one (m odd) or mirrored (m even), so that whoever passes elements on in one tree is a leaf of the other, and both together
/// keep every link busy. A node that gets a chunk in round t gives it to its first child in round t+1, to its second in t+2, when
/// the next chunk comes:
///
///   broadcast    chunk k reaches a node in round b + 2k, b = 1 or 2 more than its parent's, 0 at the top
///   reduce       the same backwards: everybody adds what its children send
///   all-reduce   even rounds reduce, odd rounds broadcast what has reached the root, which is rank 0
///
///   rounds: d + 2c - 1 with c chunks, d = 1 + the largest b, about 2 log2 n; all-reduce 2 (2d + 2c - 2)
/// Both trees share a rank's link, so that no closed form is known: about 2 log2 n latencies and S/bandwidth for broadcast and
/// reduce, 4 log2 n and 2 S/bandwidth for all-reduce, when there are many chunks. One channel uses one tree, at half the speed.
#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "reference/collectives/collective.h"

namespace convoy {
namespace {

/// A tree on the labels 1 to m, in order; the root of the collective is outside and above it.
class Tree {
 public:
  explicit Tree(const CollectiveRequest& r) : n_(r.world_size), m_(r.world_size - 1), root_(r.root), other_(r.channel % 2 == 1) {}

  /// 0 for the root.
  [[nodiscard]] int label_of(int rank) const {
    const int v = (rank - root_ + n_) % n_;
    if (v == 0 || !other_) return v;
    return m_ % 2 == 0 ? m_ + 1 - v : v % m_ + 1;
  }
  [[nodiscard]] int rank_of(int label) const {
    int v = label;
    if (label != 0 && other_) v = m_ % 2 == 0 ? m_ + 1 - label : (label + m_ - 2) % m_ + 1;
    return (v + root_) % n_;
  }
  /// The label at the top.
  [[nodiscard]] int top() const { return m_ == 0 ? 0 : static_cast<int>(std::bit_floor(static_cast<unsigned>(m_))); }
  [[nodiscard]] int parent_of(int label) const {
    if (label == top()) return 0;
    const int bit = label & -label;
    const int up = (label ^ bit) | (bit << 1);
    return up <= m_ ? up : label ^ bit;
  }
  /// Children 0 and 1, 0 for none. The root has child 0 alone.
  [[nodiscard]] int child_of(int label, int which) const {
    if (label == 0) return which == 0 ? top() : 0;
    int half = (label & -label) / 2;
    if (which == 0) return half > 0 ? label - half : 0;
    while (half > 0 && label + half > m_) half /= 2;
    return half > 0 ? label + half : 0;
  }
  /// The round in which the first chunk of a broadcast reaches a label that is not 0.
  [[nodiscard]] int first_round(int label) const {
    int rounds = 0;
    for (int parent = parent_of(label); parent != 0; label = parent, parent = parent_of(label))
      rounds += child_of(parent, 0) == label ? 1 : 2;
    return rounds;
  }
  /// The largest of these, plus one; 0 when there is nobody below the root.
  [[nodiscard]] int depth() const {
    int longest = 0, above = 0;
    for (int m = m_; m > 0;) {  // the part in the upper right: the whole lower left is a full tree
      const int height = static_cast<int>(std::bit_width(static_cast<unsigned>(m))) - 1;
      longest = std::max(longest, above + (height > 0 ? 1 + 2 * (height - 1) : 0) + 1);
      m -= 1 << height;
      above += 2;
    }
    return longest;
  }

 private:
  int n_, m_, root_;
  bool other_;
};

/// What a rank knows about its place.
struct Place {
  int parent_rank = -1, first_round = -1;  ///< -1 at the root
  std::array<int, 2> child_rank = {-1, -1};
  int depth = 0;

  explicit Place(const CollectiveRequest& request) {
    const Tree tree(request);
    const int label = tree.label_of(request.rank);
    depth = tree.depth();
    if (label != 0) {
      parent_rank = tree.rank_of(tree.parent_of(label));
      first_round = tree.first_round(label);
    }
    for (const std::size_t which : {0U, 1U})
      if (const int child = tree.child_of(label, static_cast<int>(which)); child != 0) child_rank.at(which) = tree.rank_of(child);
  }
};

/// Rounds of one way through the tree.
std::int64_t one_way(const Place& place, int chunks) { return place.depth == 0 ? 0 : place.depth + 2 * std::int64_t{chunks} - 2; }

Slice slice_of(const CollectiveRequest& request, std::int64_t chunk) {
  return shard(channel_part(request, {0, request.count}), request.chunks, chunk);
}

/// The chunk that moves in round t on a way where the first moves in round `first` and the next every second round; nothing else.
std::optional<std::int64_t> chunk_in(std::int64_t t, std::int64_t first, int chunks) {
  if (t < first || (t - first) % 2 != 0 || (t - first) / 2 >= chunks) return std::nullopt;
  return (t - first) / 2;
}

Round broadcast_round(const CollectiveRequest& request, const Place& place, std::int64_t t) {
  Round round;
  const auto transfer = [&](int peer, std::int64_t first) -> std::optional<Transfer> {
    const auto chunk = peer < 0 ? std::nullopt : chunk_in(t, first, request.chunks);
    if (!chunk || slice_of(request, *chunk).count == 0) return std::nullopt;
    return Transfer{peer, slice_of(request, *chunk)};
  };
  round.recv = transfer(place.parent_rank, place.first_round);
  for (const std::size_t which : {0U, 1U})
    if (const auto send = transfer(place.child_rank.at(which), place.first_round + 1 + static_cast<int>(which)))
      round.send = send;
  return round;
}

/// Broadcast backwards, the last chunk first, so that chunks come in order.
Round reduce_round(const CollectiveRequest& request, const Place& place, std::int64_t t) {
  const auto turned = [&](std::optional<Transfer> transfer, std::int64_t chunk) {
    if (transfer) transfer->slice = slice_of(request, request.chunks - 1 - chunk);
    if (transfer && transfer->slice.count == 0) transfer.reset();
    return transfer;
  };
  Round round;
  round.on_receive = OnReceive::add;
  const std::int64_t back = one_way(place, request.chunks) - 1 - t;
  if (place.parent_rank >= 0)
    if (const auto chunk = chunk_in(back, place.first_round, request.chunks))
      round.send = turned(Transfer{place.parent_rank, {}}, *chunk);
  for (const std::size_t which : {0U, 1U})
    if (place.child_rank.at(which) >= 0)
      if (const auto chunk = chunk_in(back, place.first_round + 1 + static_cast<int>(which), request.chunks))
        round.recv = turned(Transfer{place.child_rank.at(which), {}}, *chunk);
  return round;
}

/// Chunk k has reached the root when round depth - 1 + 2k of the reduce ends, and leaves it in round 2k of the broadcast.
Round all_reduce_round(const CollectiveRequest& request, const Place& place, std::int64_t i) {
  const std::int64_t t = i / 2;
  if (i % 2 == 0) return t < one_way(place, request.chunks) ? reduce_round(request, place, t) : Round{};
  return t >= place.depth ? broadcast_round(request, place, t - place.depth) : Round{};
}

Rounds broadcast_rounds(const CollectiveRequest& request) {
  const Place place(request);
  return {one_way(place, request.chunks), [=](std::int64_t t) { return broadcast_round(request, place, t); }};
}
Rounds reduce_rounds(const CollectiveRequest& request) {
  const Place place(request);
  return {one_way(place, request.chunks), [=](std::int64_t t) { return reduce_round(request, place, t); }};
}
CollectiveRequest from_zero(CollectiveRequest request) {
  request.root = 0;
  return request;
}
std::int64_t all_reduce_round_count(const CollectiveRequest& r) {
  const Place place(from_zero(r));
  return place.depth == 0 ? 0 : 2 * (one_way(place, r.chunks) + place.depth);
}
Rounds all_reduce_rounds(const CollectiveRequest& request) {
  const CollectiveRequest mine = from_zero(request);
  return {all_reduce_round_count(request), [=, place = Place(mine)](std::int64_t i) { return all_reduce_round(mine, place, i); }};
}
std::int64_t one_way_count(const CollectiveRequest& r) { return one_way(Place(r), r.chunks); }

std::int64_t elements_of_channel(const CollectiveRequest& r) { return channel_part(r, {0, r.count}).count; }
std::int64_t sent_down(const CollectiveRequest& r) {
  const Place place(r);
  return elements_of_channel(r) * ((place.child_rank[0] >= 0 ? 1 : 0) + (place.child_rank[1] >= 0 ? 1 : 0));
}
std::int64_t sent_up(const CollectiveRequest& r) { return r.rank == r.root ? 0 : elements_of_channel(r); }
std::int64_t sent_up_and_down(const CollectiveRequest& r) { return sent_up(from_zero(r)) + sent_down(from_zero(r)); }

}  // namespace

const CollectiveAlgorithm double_tree_all_reduce{
    .kind = CollectiveKind::all_reduce,
    .name = "double_binary_tree",
    .sentence = "up and down two trees at once, in a pipeline of chunks; about 4 log n latencies, and few bytes with many chunks",
    .rounds = all_reduce_rounds,
    .round_count = all_reduce_round_count,
    .elements_sent = sent_up_and_down,
    .usual_channels = 2,
    .is_pipelined = true};
const CollectiveAlgorithm double_tree_broadcast{
    .kind = CollectiveKind::broadcast,
    .name = "double_binary_tree",
    .sentence = "down two trees at once, in a pipeline of chunks; about 2 log n latencies, every byte once with many chunks",
    .rounds = broadcast_rounds,
    .round_count = one_way_count,
    .elements_sent = sent_down,
    .usual_channels = 2,
    .is_pipelined = true};
const CollectiveAlgorithm double_tree_reduce{
    .kind = CollectiveKind::reduce,
    .name = "double_binary_tree",
    .sentence = "up two trees at once, in a pipeline of chunks; about 2 log n latencies, every byte once with many chunks",
    .rounds = reduce_rounds,
    .round_count = one_way_count,
    .elements_sent = sent_up,
    .usual_channels = 2,
    .is_pipelined = true};

}  // namespace convoy
