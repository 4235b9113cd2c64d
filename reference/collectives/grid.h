/// Grid: all-reduce on ranks that stand in rows and columns, each phase along one of the two.
///
///   2 x 3, rank = 3 row + column      phase 1   reduce-scatter in the row       0 ▶ 1 ▶ 2 ▶     3 ▶ 4 ▶ 5 ▶
///        0   1   2                    phase 2   all-reduce in the column        0 ▶ 3 ▶     1 ▶ 4 ▶     2 ▶ 5 ▶
///        3   4   5                    phase 3   all-gather in the row           0 ▶ 1 ▶ 2 ▶     3 ▶ 4 ▶ 5 ▶
///
/// A row cuts the buffer into as many blocks as it has members; after phase 1 each has its row's sum of one block, which is all
/// that its column needs to add up. Every phase is a ring.
#pragma once

#include "reference/collectives/lock_step.h"

namespace convoy {

/// The place of a rank in the two lines on which it stands. "inner" is the line of phases 1 and 3.
struct GridPlace {
  int inner_size, inner_stride;
  int outer_size, outer_stride;
  bool reversed = false;  ///< both rings go the other way around
};

/// The rounds of one channel: chunks go one after the other.
Rounds grid_rounds(const CollectiveRequest& request, const GridPlace& place);
/// 2 (inner - 1) + 2 (outer - 1), times the chunks.
std::int64_t grid_round_count(const CollectiveRequest& request, const GridPlace& place);
std::int64_t grid_elements_sent(const CollectiveRequest& request, const GridPlace& place);
/// 2 (inner - 1) (c latency + S/(inner bandwidth)) + 2 (outer - 1) (c latency + S/(n bandwidth))
double grid_time_s(const CollectiveRequest& request, const GridPlace& place, double bytes, const LinkModel& link);
/// The three phases; those of lines of one rank are left out.
std::vector<Stretch> grid_stretches(const CollectiveRequest& request, const GridPlace& place);

}  // namespace convoy
