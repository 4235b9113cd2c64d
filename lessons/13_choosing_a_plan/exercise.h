/// The exercise of lesson 13.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace convoy::lesson {

/// What is known of a plan without simulating it.
struct Candidate {
  double lower_bound_s = 0;  ///< by formula; a simulation never says less, and mostly more
  std::int64_t memory_bytes = 0;
};

/// The index of the fastest plan that fits into `device_bytes`, by simulated time, or -1 when none fits.
///
/// `simulate_s(i)` simulates a candidate and returns its time, which is never below its lower bound. It takes long, so it is
/// called as rarely as can be: for nobody twice, and for nobody of whom the lower bounds and the times so far say already that
/// this cannot be the fastest. Whoever might be the fastest has to be simulated, and one does best to begin with the lowest
/// bound.
int fastest(const std::vector<Candidate>& candidates, std::int64_t device_bytes, const std::function<double(int)>& simulate_s);

}  // namespace convoy::lesson
