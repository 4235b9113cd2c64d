/// Fits: latency and bandwidth from measured times, in ranges of sizes where a library changes its protocol.
#pragma once

#include <string>
#include <vector>

#include "simulator/calibrate/bench_log.h"
#include "simulator/platform/cluster.h"

namespace convoy {

/// time = start_s + bytes * s_per_byte, for sizes from..to.
struct FitRange {
  double from_bytes = 0;
  double to_bytes = 0;
  double start_s = 0;
  double s_per_byte = 0;
  double rms = 0;  ///< root of the mean square of (fit / measured - 1)
  int points = 0;
};

struct Fit {
  std::vector<FitRange> ranges;  ///< in order of size, at most three
  double rms = 0;                ///< of all points
  [[nodiscard]] double time_s(double bytes) const;
};

/// Straight lines through the points by least squares of relative errors: as many ranges, up to three of at least three points
/// each, as the Bayesian information criterion says are worth their numbers. Throws InputError with the line for what a latency
/// and a bandwidth cannot explain: fewer than three sizes, times that fall by a third where sizes grow, sizes that make no
/// difference, a fit that is 25 % off on average.
Fit fit_times(const BenchLog& log);

/// What a ring's time says about one link: all_reduce is 2(n-1) hops of 1/n of the bytes; reduce_scatter and all_gather half of
/// that; broadcast, pipelined, n-1 latencies and all bytes.
LinkModel link_of(const FitRange& range, CollectiveKind kind, int ranks);

/// `base` with the links that the fit says: within the node for one node, between nodes and within for several (the log does not
/// tell them apart). Its large-message range is what the links get. Of rings, where a message is one of the ranks' parts, the
/// other ranges become the links' protocols, and the sizes their calibrated ones: a ring simulated on the cluster takes the
/// fitted time. Of other kinds they are only in the description. Values are rounded to four digits. Where ranks share fewer cores
/// than they are, what that costs is in the measured times, and messages keep no core busy.
Cluster calibrated(const Cluster& base, const BenchLog& log, const Fit& fit, CollectiveKind kind, int ranks, int nodes);

}  // namespace convoy
