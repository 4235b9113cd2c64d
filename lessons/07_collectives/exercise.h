/// The exercise of lesson 7.
#pragma once

#include <cstdint>

namespace convoy::lesson {

/// What one rank does in an all-reduce: so many rounds, one after the other, in each of which it sends one message, of so many
/// bytes in all of them together.
struct Cost {
  std::int64_t rounds = 0;
  double bytes = 0;
};

/// The ring: the buffer has a part for every rank. Every part goes once around to be added up, and once more to be handed out.
Cost ring(int ranks, double bytes);

/// Recursive doubling, for 2, 4, 8, ... ranks: everybody swaps the whole buffer with the rank 1, then 2, then 4, ... further, and
/// adds.
Cost recursive_doubling(int ranks, double bytes);

/// Halving and doubling, for 2, 4, 8, ... ranks: swap half of the buffer, then a quarter, ... and add, until everybody has one
/// part of the sum; then the same way back, copying.
Cost halving_doubling(int ranks, double bytes);

/// Seconds, when every message takes latency_s + its bytes / bytes_per_s, and all messages of a cost are of one size.
double time_s(const Cost& cost, double latency_s, double bytes_per_s);

}  // namespace convoy::lesson
