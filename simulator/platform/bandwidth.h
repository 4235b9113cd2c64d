/// What a network can carry: loads of links under many messages at once, and what bounds them.
#pragma once

#include <utility>
#include <vector>

#include "simulator/platform/network.h"

namespace convoy {

/// What happens when many pairs send the same number of bytes, all at once.
struct Throughput {
  double bytes_per_s = 0;  ///< of all pairs together, when the busiest link never rests
  int busiest_link = -1;   ///< -1: there are no messages
  int messages = 0;        ///< over the busiest link
};

/// The busiest link is the one that needs longest for its messages; the first of those that need as long.
Throughput throughput(const Network& network, const std::vector<std::pair<int, int>>& pairs);

/// Every rank of the first half of the first `ranks` to every rank of the second: (rank, rank).
std::vector<std::pair<int, int>> pairs_across_halves(int ranks);

/// The bandwidth from one half of the ranks to the other, one way: with several nodes the formula of the topology, in a single node
/// throughput() of the pairs across.
double bisection_bytes_per_s(const Network& network);

}  // namespace convoy
