/// Messages between two ranks: latency, bandwidth, and what adding costs beyond copying.
#pragma once

#include <vector>

#include "reference/io/profile.h"
#include "reference/train/transport.h"

namespace convoy {

/// One size and its time, both ranks sending and receiving at once.
struct MessageTime {
  double bytes = 0;
  double time_s = 0;
};

/// The bandwidth for which latency + bytes / bandwidth fits measured times best: the sum of squared *relative* errors is least,
/// so that small messages, where the latency is nearly all, say little. Throws when the times do not grow beyond the latency.
double fit_bandwidth_bytes_per_s(const std::vector<MessageTime>& points, double latency_s);

/// Median time of an exchange of `bytes` in both directions at once, which is what a rank does in a round of a ring.
/// All processes of the transport, which has two ranks, call it, and all get the result.
double measure_exchange_s(std::int64_t bytes, int repetitions, const Transport& transport);

/// All of a TransportProfile. The latency is the time of an exchange of 4 bytes; the bandwidth is fitted to exchanges of 16 KiB
/// to 4 MiB, each the fastest of three medians; the cost of adding is the difference between a round of reduce-scatter and one of
/// all-gather, 0 when there is none. Where the transport does not say how many cores messages keep busy, it is processor time
/// over time while 4 MiB move. Ranks 0 and 1 are measured; all processes call it, and it comes out where rank 0 is.
TransportProfile measure_transport(const Transport& transport);
/// The same on threads of this process.
TransportProfile measure_transport();

}  // namespace convoy
