// expect: That is one time around the ring
#include "exercise.h"

namespace convoy::lesson {

/// Stops when the parts are added up.
Cost ring(int ranks, double bytes) { return {ranks - std::int64_t{1}, (ranks - 1) * bytes / ranks}; }

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
