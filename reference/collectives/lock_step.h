/// lock_steps: long collectives as a few stretches of rounds that are all alike, for executors that only care for time.
#pragma once

#include <cstdint>
#include <vector>

#include "reference/collectives/collective.h"

namespace convoy {

/// Consecutive rounds in which every rank keeps sending to one neighbour and receiving from another. The ranks lie on rings:
/// those that differ by multiples of `stride` only, `size` of them.
///
///     size 3, stride 2, step 1, of 6 ranks:   0 -> 2 -> 4 -> 0   and   1 -> 3 -> 5 -> 1
struct Stretch {
  std::int64_t rounds = 0;
  std::int64_t adds = 0;      ///< rounds in which what arrives is added; in the others it is copied
  std::int64_t elements = 0;  ///< sum over its rounds of the largest piece that moves anywhere in the round
  int size = 1;
  int stride = 1;

  /// Place of a rank on its ring.
  [[nodiscard]] int place(int rank) const { return rank / stride % size; }
  /// The rank at place 0 of the ring of a rank.
  [[nodiscard]] int first(int rank) const { return rank - place(rank) * stride; }
  /// To whom a rank sends.
  [[nodiscard]] int next(int rank) const { return rank + ((place(rank) + 1) % size - place(rank)) * stride; }
};

/// The stretches of a collective, one after the other, for all its ranks; `request.rank` does not matter. Empty for algorithms
/// whose ranks change partners from round to round, and for several channels, which go around in several orders. Where all pieces are of one size,
/// `elements` is what every rank sends.
std::vector<Stretch> lock_steps(CollectiveKind kind, std::string_view algorithm, const CollectiveRequest& request);

}  // namespace convoy
