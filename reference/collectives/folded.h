/// Folded: how algorithms for powers of two take any number of ranks, as MPICH does it (Thakur, Rabenseifner, Gropp 2005).
///
///   n = 6: 4 take part     before   0 ▶ 1   2 ▶ 3            afterwards   1 ▶ 0   3 ▶ 2
///                          then ranks 1 3 4 5 go on as members 0 1 2 3
///
/// Of the first 2(n - p) ranks, p the largest power of two up to n, those with an even number give all they have to the next,
/// which adds it, and get the result at the end.
#pragma once

#include <bit>

#include "reference/collectives/collective.h"

namespace convoy {

struct Folded {
  int members;  ///< p, a power of two
  int extra;    ///< n - p
  int levels;   ///< log2 p
  explicit Folded(int world_size)
      : members(static_cast<int>(std::bit_floor(static_cast<unsigned>(world_size)))),
        extra(world_size - members),
        levels(static_cast<int>(std::bit_width(static_cast<unsigned>(members))) - 1) {}
  [[nodiscard]] bool is_member(int rank) const { return rank >= 2 * extra || rank % 2 == 1; }
  [[nodiscard]] int member_of(int rank) const { return rank < 2 * extra ? rank / 2 : rank - extra; }
  [[nodiscard]] int rank_of(int member) const { return member < extra ? 2 * member + 1 : member + extra; }
  /// 1 when there is something to fold, so rounds before and after.
  [[nodiscard]] int folds() const { return extra > 0 ? 1 : 0; }

  /// The round before (add) or after: those without a part in it get an empty one.
  [[nodiscard]] Round fold(int rank, const Slice& slice) const {
    return rank % 2 == 0 ? away(rank, slice) : home(rank, slice, OnReceive::add);
  }
  [[nodiscard]] Round unfold(int rank, const Slice& slice) const {
    return rank % 2 == 1 ? away(rank, slice) : home(rank, slice, OnReceive::copy);
  }

 private:
  [[nodiscard]] Round away(int rank, const Slice& slice) const {
    Round round;
    if (rank < 2 * extra && slice.count > 0) round.send = {rank ^ 1, slice};
    return round;
  }
  [[nodiscard]] Round home(int rank, const Slice& slice, OnReceive on_receive) const {
    Round round;
    round.on_receive = on_receive;
    if (rank < 2 * extra && slice.count > 0) round.recv = {rank ^ 1, slice};
    return round;
  }
};

}  // namespace convoy
