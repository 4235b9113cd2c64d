// expect: ring says 0 rounds so far
#include "exercise.h"

namespace convoy::lesson {

Cost ring(int ranks, double bytes) {
  static_cast<void>(ranks), static_cast<void>(bytes);
  return {.rounds = 0, .bytes = 0};  // How often does a rank send? And how much each time?
}

Cost recursive_doubling(int ranks, double bytes) {
  static_cast<void>(ranks), static_cast<void>(bytes);
  return {.rounds = 0, .bytes = 0};
}

Cost halving_doubling(int ranks, double bytes) {
  static_cast<void>(ranks), static_cast<void>(bytes);
  return {.rounds = 0, .bytes = 0};
}

double time_s(const Cost& cost, double latency_s, double bytes_per_s) {
  static_cast<void>(cost), static_cast<void>(latency_s), static_cast<void>(bytes_per_s);
  return 0;
}

}  // namespace convoy::lesson
