/// What the rates of a cluster make of a simulated step: energy and price of a step and an epoch. And what stragglers were there.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "simulator/apps/simulation.h"
#include "simulator/faults/energy.h"

namespace convoy {

struct Costs {
  Rates rates;
  int ranks = 1;
  std::int64_t epoch_images = 0;
  std::int64_t epoch_steps = 0;  ///< whole steps; the last one may be short and is counted whole
  double epoch_s = 0;
  Energy step;
};

/// Nothing when the cluster states no rates.
std::optional<Costs> costs_of(const Task& task, const StepTimes& times, std::int64_t epoch_images);
std::string cost_table(const Costs& costs);
nlohmann::ordered_json costs_json(const Costs& costs);

/// "12.3 us", "5 min", "36 h", "30 d".
std::string duration(double time_s);

/// "stragglers: rank 3 x 2; ...\n".
std::string straggler_sentence(const Stragglers& stragglers);

}  // namespace convoy
