/// search: the fastest plan that fits into memory, and those that need less memory and more time, without simulating all.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "reference/io/report.h"
#include "reference/schedule/timeline.h"

namespace convoy {

/// What is known of a candidate before it is simulated.
struct Estimate {
  std::int64_t memory_bytes = 0;  ///< of the rank that needs most
  double lower_bound_s = 0;       ///< step time when nothing is shared, by formula
};

/// Where the numbers come from.
struct Evaluators {
  /// Throws InputError when there is no such plan for the model.
  std::function<Estimate(const ScheduleChoice&)> estimate;
  std::function<StepTimes(const ScheduleChoice&)> simulate;
};

struct Assessed {
  ScheduleChoice choice;
  std::string refused;  ///< why there is no such plan; else ""
  Estimate estimate;
  bool fits = true;
  std::optional<StepTimes> times;  ///< when it was simulated
  bool on_front = false;
};

/// Dividing plans by what became of them: refused + too large + beaten by formula + simulated = all.
struct SearchResult {
  std::vector<Assessed> all;     ///< as given
  std::vector<int> by_time;      ///< those that were simulated, the fastest first
  std::vector<int> front;        ///< of these, those that nothing beats in both time and memory, the fastest first
  int refused = 0;
  int too_large = 0;
  int beaten = 0;  ///< whose time by formula is no better than the simulated time of one that needs no more memory
};

/// Candidates are simulated from the lowest lower bound on. One that a simulated one beats, being no slower than the candidate's
/// lower bound with no more memory, can neither be the fastest nor on the front, whatever its simulated time; so fastest and front
/// are those of simulating all (ties apart). `device_bytes`: memory of a device, 0: unlimited. `done` is told how far it is.
SearchResult search(std::vector<ScheduleChoice> candidates, std::int64_t device_bytes, const Evaluators& evaluators,
                    const std::function<void(const std::string&)>& done = {});

/// Where a step's time goes: the largest of computing, exposed communication and idling, as a sentence.
std::string what_binds(const StepTimes& times);
/// Why `other` is slower than `best`: the parts of the mean step time that grew, largest first, as a sentence.
std::string why_slower(const StepTimes& best, const StepTimes& other);

}  // namespace convoy
