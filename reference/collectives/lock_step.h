/// Stretches: long collectives as a few runs of rounds that are all alike, for executors that only care for time.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "reference/collectives/collective.h"
#include "reference/collectives/ring_order.h"

namespace convoy {

/// Consecutive rounds in which every rank keeps sending to one neighbour and receiving from another. The ranks lie on rings:
/// those that differ by multiples of `stride` only, `size` of them. Ranks that exchange in pairs are rings of two.
///
///     size 3, stride 2, of 6 ranks:   0 -> 2 -> 4 -> 0   and   1 -> 3 -> 5 -> 1
///     size 2, stride 2, of 4 ranks:   0 -> 2 -> 0        and   1 -> 3 -> 1
struct Stretch {
  std::int64_t rounds = 0;
  std::int64_t adds = 0;      ///< rounds in which what arrives is added; in the others it is copied
  std::int64_t elements = 0;  ///< sum over its rounds of the largest piece that moves anywhere in the round
  int size = 1;
  int stride = 1;
  bool reversed = false;  ///< the rings go the other way around
  std::shared_ptr<const RingOrder> order = {};  ///< of a ring over all ranks that visits them in another order; else null

  /// Place of a rank on its ring.
  [[nodiscard]] int place(int rank) const { return order ? order->position_of(rank) : rank / stride % size; }
  /// A rank that all ranks of the ring of a rank have in common.
  [[nodiscard]] int first(int rank) const { return order ? 0 : rank - place(rank) * stride; }
  /// To whom a rank sends.
  [[nodiscard]] int next(int rank) const {
    const int there = place(rank) + (reversed ? -1 : 1);
    return order ? order->rank_at(there) : rank + (wrapped(there, size) - place(rank)) * stride;
  }
};

/// The stretches of the channel that the request names, one after the other, for all ranks; `request.rank` does not matter. Empty
/// where rounds are no such rings, or not all ranks have a part in them. Where all pieces are of one size, `elements` is what every
/// rank sends. Chunks that go through several stretches one after the other go through each together: the same rounds in another
/// order.
std::vector<Stretch> lock_steps(CollectiveKind kind, std::string_view algorithm, const CollectiveRequest& request);

}  // namespace convoy
