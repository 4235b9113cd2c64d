/// Double binary tree: two binary trees in which no rank has children in both, each for half of the elements, in a pipeline
/// (Sanders, Speck, Träff 2009; the trees are those of NCCL 2.4).
///
///   n = 8, ranks counted from the root          first tree                      second tree
///                                                  0                                0
///                                                  │                                │
///                                                  4                                3
///                                              ┌───┴───┐                        ┌───┴───┐
///                                              2       6                        1       5
///                                            ┌─┴─┐   ┌─┴─┐                    ┌─┴─┐   ┌─┴─┐
///                                            1   3   5   7                    7   2   4   6
///
/// The first tree has the labels 1 to m = n-1 in order, odd ones being leaves; for the second they are shifted by one (m odd) or
/// mirrored (m even), so that whoever passes elements on in one tree is a leaf of the other.
///
/// Every edge has a colour, 0 or 1, and is used in rounds of that parity only. The two edges that a rank receives by, one of each
/// tree, have different colours, and so have the two that it sends by: in every round a rank sends at most once and receives at
/// most once, and in the middle of the pipeline it does both in every round. (Edges as vertices, "share a sender or a receiver"
/// as edges: all components are paths or circles of even length, so such colours exist.) A node that gets a chunk in round t
/// gives it to its children in rounds t+1 and t+2, in the order of their colours, and the next chunk comes in t+2.
///
///   broadcast    chunk k of a tree reaches a node in round b + 2k; b is the first round after its parent's of the right colour
///   reduce       the same backwards: everybody adds what its children send
///   all-reduce   even rounds reduce, odd rounds broadcast what has reached the root, which is rank 0
///
///   rounds: d + 2c - 2 with c chunks, d = 1 + the largest b, at most about 2 log2 n; all-reduce 2 (2d + 2c - 2)
///   time: at most as many times latency + S/(2c bandwidth). No closed form is known: some ranks have nothing to do in some
///   rounds, and then others go on before. With many chunks S/bandwidth for broadcast and reduce, 2 S/bandwidth for all-reduce.
#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <optional>
#include <vector>

#include "reference/collectives/collective.h"

namespace convoy {
namespace {

/// A tree on the labels 1 to m, in order; the root of the collective, 0, is outside and above it. Ranks are counted from the
/// root.
class Tree {
 public:
  Tree(int n, bool second) : m_(n - 1), second_(second) {}

  /// 0 for the root.
  [[nodiscard]] int label_of(int v) const {
    if (v == 0 || !second_) return v;
    return m_ % 2 == 0 ? m_ + 1 - v : v % m_ + 1;
  }
  [[nodiscard]] int rank_of(int label) const {
    if (label == 0 || !second_) return label;
    return m_ % 2 == 0 ? m_ + 1 - label : (label + m_ - 2) % m_ + 1;
  }
  /// The rank at the top, 0 when there is none but the root.
  [[nodiscard]] int top() const { return m_ == 0 ? 0 : rank_of(static_cast<int>(std::bit_floor(static_cast<unsigned>(m_)))); }
  [[nodiscard]] int parent_of(int v) const {
    if (v == top()) return 0;
    const int label = label_of(v);
    const int bit = label & -label;
    const int up = (label ^ bit) | (bit << 1);
    return rank_of(up <= m_ ? up : label ^ bit);
  }
  /// Children 0 and 1, 0 for none. The root has child 0 alone.
  [[nodiscard]] int child_of(int v, int which) const {
    if (v == 0) return which == 0 ? top() : 0;
    const int label = label_of(v);
    int half = (label & -label) / 2;
    if (which == 0) return half > 0 ? rank_of(label - half) : 0;
    while (half > 0 && label + half > m_) half /= 2;
    return half > 0 ? rank_of(label + half) : 0;
  }

 private:
  int m_;
  bool second_;
};

/// Both trees with their colours. An edge is named by its tree and the rank at its lower end.
class Trees {
 public:
  explicit Trees(int n) : n_(n), trees_{Tree(n, false), Tree(n, true)} {
    for (auto& colours : colour_) colours.assign(static_cast<std::size_t>(n), -1);
    for (auto& rounds : first_round_) rounds.assign(static_cast<std::size_t>(n), -1);
    for (int v = 1; v < n; ++v) colour_from({0, v});
    for (int v = 1; v < n; ++v) colour_from({1, v});
    for (const int tree : {0, 1})
      for (int v = 1; v < n; ++v) depth_ = std::max(depth_, 1 + find_first_round(tree, v));
  }
  [[nodiscard]] int size() const { return n_; }
  [[nodiscard]] const Tree& tree(int which) const { return trees_.at(static_cast<std::size_t>(which)); }
  /// The round in which the first chunk of a broadcast reaches a rank other than the root.
  [[nodiscard]] int first_round(int tree, int v) const {
    return first_round_.at(static_cast<std::size_t>(tree))[static_cast<std::size_t>(v)];
  }
  /// The largest of these, plus one; 0 when there is nobody below the root.
  [[nodiscard]] int depth() const { return depth_; }

 private:
  struct Edge {
    int tree, lower;
  };
  int find_first_round(int tree, int v) {
    int& round = first_round_.at(static_cast<std::size_t>(tree))[static_cast<std::size_t>(v)];
    if (round >= 0) return round;
    const int parent = this->tree(tree).parent_of(v);
    const int earliest = parent == 0 ? 0 : find_first_round(tree, parent) + 1;
    return round = earliest + (earliest % 2 == colour({tree, v}) ? 0 : 1);
  }
  int& colour(const Edge& e) { return colour_.at(static_cast<std::size_t>(e.tree))[static_cast<std::size_t>(e.lower)]; }
  /// The edge that has the same receiver.
  static Edge beside_receiver(const Edge& e) { return {1 - e.tree, e.lower}; }
  /// The edge that has the same sender, with lower end 0 when there is none.
  [[nodiscard]] Edge beside_sender(const Edge& e) const {
    const int sender = tree(e.tree).parent_of(e.lower);
    if (sender == 0) return {1 - e.tree, tree(1 - e.tree).top()};
    const int first = tree(e.tree).child_of(sender, 0);
    return {e.tree, first == e.lower ? tree(e.tree).child_of(sender, 1) : first};
  }
  /// Colours all edges that follow from this one, in both directions, if it has no colour yet.
  void colour_from(const Edge& start) {
    if (colour(start) >= 0) return;
    colour(start) = 0;
    for (bool by_receiver : {true, false}) {
      int last = 0;
      for (Edge e = by_receiver ? beside_receiver(start) : beside_sender(start); e.lower != 0 && colour(e) < 0;) {
        last = 1 - last;
        colour(e) = last;
        by_receiver = !by_receiver;
        e = by_receiver ? beside_receiver(e) : beside_sender(e);
      }
    }
  }

  int n_;
  std::array<Tree, 2> trees_;
  std::array<std::vector<int>, 2> colour_, first_round_;  ///< by rank
  int depth_ = 0;
};

/// The trees of n ranks. The last ones are kept, since every rank of a group asks, and to make them takes as long as they are large.
std::shared_ptr<const Trees> trees_of(int n) {
  thread_local std::shared_ptr<const Trees> last;
  if (last == nullptr || last->size() != n) last = std::make_shared<const Trees>(n);
  return last;
}

/// An edge as the rank at one of its ends knows it.
struct Neighbour {
  int rank, tree, first_round;
};

/// What a rank knows about its place.
struct Place {
  std::vector<Neighbour> parents, children;
  int depth = 0;

  explicit Place(const CollectiveRequest& request) {
    const int n = request.world_size;
    const int v = (request.rank - request.root + n) % n;
    const std::shared_ptr<const Trees> kept = trees_of(n);
    const Trees& trees = *kept;
    depth = trees.depth();
    const auto rank_of = [&](int other) { return (other + request.root) % n; };
    for (const int t : {0, 1}) {
      if (v != 0) parents.push_back({rank_of(trees.tree(t).parent_of(v)), t, trees.first_round(t, v)});
      for (const int which : {0, 1})
        if (const int child = trees.tree(t).child_of(v, which); child != 0)
          children.push_back({rank_of(child), t, trees.first_round(t, child)});
    }
  }
};

/// Rounds of one way through the trees.
std::int64_t one_way(const Place& place, int chunks) { return place.depth == 0 ? 0 : place.depth + 2 * std::int64_t{chunks} - 2; }

/// What a tree has of the elements of the channel.
Slice half_of(const CollectiveRequest& request, int tree) { return shard(channel_part(request, {0, request.count}), 2, tree); }

/// What moves over an edge in round t of a broadcast, or, with `backwards`, in the round of a reduce that is its mirror image, in
/// which the last chunk of a broadcast is the first. Nothing when it is another edge's turn.
std::optional<Transfer> transfer_in(const CollectiveRequest& request, const Neighbour& edge, std::int64_t t, bool backwards) {
  const std::int64_t since = t - edge.first_round;
  if (since < 0 || since % 2 != 0 || since / 2 >= request.chunks) return std::nullopt;
  const std::int64_t chunk = backwards ? request.chunks - 1 - since / 2 : since / 2;
  const Slice slice = shard(half_of(request, edge.tree), request.chunks, chunk);
  if (slice.count == 0) return std::nullopt;
  return Transfer{edge.rank, slice};
}

/// The one of the edges whose turn it is.
std::optional<Transfer> transfer_of(const CollectiveRequest& request, const std::vector<Neighbour>& edges, std::int64_t t,
                                    bool backwards) {
  for (const Neighbour& edge : edges)
    if (const auto transfer = transfer_in(request, edge, t, backwards)) return transfer;
  return std::nullopt;
}

Round broadcast_round(const CollectiveRequest& request, const Place& place, std::int64_t t) {
  return {transfer_of(request, place.children, t, false), transfer_of(request, place.parents, t, false), OnReceive::copy};
}

Round reduce_round(const CollectiveRequest& request, const Place& place, std::int64_t t) {
  const std::int64_t mirrored = one_way(place, request.chunks) - 1 - t;
  return {transfer_of(request, place.parents, mirrored, true), transfer_of(request, place.children, mirrored, true),
          OnReceive::add};
}

/// Chunk k has reached the root when round depth - 1 + 2k of the reduce ends, and leaves it in round 1 + 2k of the broadcast at
/// the latest.
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

std::int64_t sent_over(const CollectiveRequest& r, const std::vector<Neighbour>& edges) {
  std::int64_t sent = 0;
  for (const Neighbour& edge : edges) sent += half_of(r, edge.tree).count;
  return sent;
}
std::int64_t sent_down(const CollectiveRequest& r) { return sent_over(r, Place(r).children); }
std::int64_t sent_up(const CollectiveRequest& r) { return sent_over(r, Place(r).parents); }
std::int64_t sent_up_and_down(const CollectiveRequest& r) { return sent_up(from_zero(r)) + sent_down(from_zero(r)); }

}  // namespace

extern const CollectiveAlgorithm double_tree_all_reduce{
    .kind = CollectiveKind::all_reduce,
    .name = "double_binary_tree",
    .sentence = "up and down two trees at once, in a pipeline of chunks; about 4 log n latencies, and few bytes with many chunks",
    .rounds = all_reduce_rounds,
    .round_count = all_reduce_round_count,
    .elements_sent = sent_up_and_down,
    .is_pipelined = true};
extern const CollectiveAlgorithm double_tree_broadcast{
    .kind = CollectiveKind::broadcast,
    .name = "double_binary_tree",
    .sentence = "down two trees at once, in a pipeline of chunks; about 2 log n latencies, every byte once with many chunks",
    .rounds = broadcast_rounds,
    .round_count = one_way_count,
    .elements_sent = sent_down,
    .is_pipelined = true};
extern const CollectiveAlgorithm double_tree_reduce{
    .kind = CollectiveKind::reduce,
    .name = "double_binary_tree",
    .sentence = "up two trees at once, in a pipeline of chunks; about 2 log n latencies, every byte once with many chunks",
    .rounds = reduce_rounds,
    .round_count = one_way_count,
    .elements_sent = sent_up,
    .is_pipelined = true};

}  // namespace convoy
