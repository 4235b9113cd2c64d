/// RingOrder: the order in which a ring visits the ranks of a group, another one for each channel.
///
/// On one node, channel 2k walks in steps of the k-th number that has no divisor in common with n, channel 2k+1 the other way
/// around:
///
///   n = 8    channel 0   0 ▶ 1 ▶ 2 ▶ 3 ▶ 4 ▶ 5 ▶ 6 ▶ 7 ▶        channel 2   0 ▶ 3 ▶ 6 ▶ 1 ▶ 4 ▶ 7 ▶ 2 ▶ 5 ▶
///            channel 1   0 ▶ 7 ▶ 6 ▶ 5 ▶ 4 ▶ 3 ▶ 2 ▶ 1 ▶        channel 3   the other way around
///
/// so that channels use links that others leave idle. Over several nodes it stays in a node until all its ranks have been
/// visited, and channel c enters every node at its rank c, so that the messages between nodes of different channels come to
/// different ranks and, where these have NICs of their own, to different NICs:
///
///   2 nodes of 4    channel 0   0 ▶ 1 ▶ 2 ▶ 3 ▶ 4 ▶ 5 ▶ 6 ▶ 7 ▶     channel 1   1 ▶ 2 ▶ 3 ▶ 0 ▶ 5 ▶ 6 ▶ 7 ▶ 4 ▶
#pragma once

#include <cstdint>

#include "reference/collectives/collective.h"

namespace convoy {

class RingOrder {
 public:
  /// The ring of the channel that the request names.
  explicit RingOrder(const CollectiveRequest& request);
  [[nodiscard]] int position_of(int rank) const;
  /// Any position: it wraps around.
  [[nodiscard]] int rank_at(int position) const;

 private:
  int n_;
  int node_;         ///< ranks of a node
  int shift_ = 0;    ///< several nodes: where the ring enters each
  int step_ = 1;     ///< one node: from rank to rank
  int inverse_ = 1;  ///< step * inverse = 1 modulo n
};

/// What rank `position` of a ring of `size` does in step s of a reduce-scatter: indices are positions whose pieces travel.
struct RingStep {
  int send_index;
  int recv_index;
};
constexpr int wrapped(int index, int size) { return ((index % size) + size) % size; }
/// Steps 0 to size - 2; what arrives is added. Afterwards position p has the sum of piece p.
constexpr RingStep reduce_scatter_step(int position, int size, int s) {
  return {wrapped(position - s - 1, size), wrapped(position - s - 2, size)};
}
/// Steps 0 to size - 2; what arrives is copied. Position p begins with piece p.
constexpr RingStep all_gather_step(int position, int size, int s) {
  return {wrapped(position - s, size), wrapped(position - s - 1, size)};
}

}  // namespace convoy
