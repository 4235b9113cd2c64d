// expect: Then everybody has one part of the sum, and only that
#include "exercise.h"

namespace convoy::lesson {

Cost ring(int ranks, double bytes) { return {2 * (ranks - std::int64_t{1}), 2 * (ranks - 1) * bytes / ranks}; }

Cost recursive_doubling(int ranks, double bytes) {
  Cost cost;
  for (int distance = 1; distance < ranks; distance *= 2) cost = {cost.rounds + 1, cost.bytes + bytes};
  return cost;
}

/// Forgets the way back.
Cost halving_doubling(int ranks, double bytes) {
  Cost cost;
  for (int distance = 1; distance < ranks; distance *= 2) cost = {cost.rounds + 1, cost.bytes + bytes / 2 / distance};
  return cost;
}

double time_s(const Cost& cost, double latency_s, double bytes_per_s) {
  return static_cast<double>(cost.rounds) * latency_s + cost.bytes / bytes_per_s;
}

}  // namespace convoy::lesson
