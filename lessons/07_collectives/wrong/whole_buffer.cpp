// expect: The ring sends one part of the buffer in a round
#include "exercise.h"

namespace convoy::lesson {

/// Takes a round of the ring for a message of everything.
Cost ring(int ranks, double bytes) { return {2 * (ranks - std::int64_t{1}), 2 * (ranks - 1) * bytes}; }

Cost recursive_doubling(int ranks, double bytes) {
  Cost cost;
  for (int distance = 1; distance < ranks; distance *= 2) cost = {cost.rounds + 1, cost.bytes + bytes};
  return cost;
}

Cost halving_doubling(int ranks, double bytes) {
  Cost cost;
  for (int distance = 1; distance < ranks; distance *= 2) cost = {cost.rounds + 2, cost.bytes + 2 * bytes / 2 / distance};
  return cost;
}

double time_s(const Cost& cost, double latency_s, double bytes_per_s) {
  return static_cast<double>(cost.rounds) * latency_s + cost.bytes / bytes_per_s;
}

}  // namespace convoy::lesson
