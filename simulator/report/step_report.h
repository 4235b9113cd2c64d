/// One training step: where its time went, how fast that is, and how well it scales.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "reference/schedule/timeline.h"

namespace convoy {

/// What is known about a step, measured or simulated.
struct StepReport {
  StepTimes times;
  int ranks = 1;
  int global_batch = 0;
  std::optional<double> one_rank_step_s;  ///< step time of one rank with as many images as each rank has here
  std::optional<double> lower_bound_s;    ///< step time without contention, by formula
};

/// global_batch / step time; 0 when the time is 0.
double images_per_s(int global_batch, double step_time_s);
/// Weak scaling: step time of one rank over step time of all, both with the same images a rank. 1 is perfect.
double scaling_efficiency(double one_rank_step_s, double step_time_s);

/// Where the mean step goes: compute + exposed communication + waiting + bubble, which add up; then what is hidden, and the
/// phases.
std::string step_table(const StepTimes& times);
/// The same for every rank, a line for those whose times look alike; lines beyond the first 12 are left out and counted.
std::string ranks_table(const StepTimes& times);
/// The busiest links of a simulation; "" when it has none, as by formula.
std::string links_table(const Timeline& timeline);
/// [{"name", "bytes", "utilisation", "most_flows"}], the busiest first.
nlohmann::ordered_json links_json(const Timeline& timeline);
/// Images a second, efficiency and lower bound, one a line; what is not known is left out.
std::string speed_table(const StepReport& report);

/// {"scaling_efficiency", "one_rank_step_time_s", "lower_bound_s"}: what a RunReport does not hold; null when not known.
nlohmann::ordered_json speed_json(const StepReport& report);

}  // namespace convoy
