#include "reference/train/rate.h"

#include <array>
#include <cmath>
#include <numbers>

#include "reference/core/error.h"

namespace convoy {
namespace {

constexpr std::array<std::string_view, 4> kNames = {"constant", "linear", "step", "cosine"};

}  // namespace

std::string_view to_string(RateDecay decay) { return kNames.at(static_cast<std::size_t>(decay)); }

RateDecay parse_rate_decay(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (name == kNames.at(i)) return static_cast<RateDecay>(i);
  throw_unknown_word("way for the learning rate to fall", name, {kNames.begin(), kNames.end()});
}

double rate_factor(const RateSchedule& schedule, std::int64_t step, std::int64_t steps, std::int64_t steps_per_epoch) {
  require(step >= 0 && step < steps && steps_per_epoch > 0, "rate_factor", "step ", step, " of ", steps, ", ", steps_per_epoch,
          " an epoch");
  const std::int64_t warm = std::llround(schedule.warm_up_epochs * static_cast<double>(steps_per_epoch));
  if (step < warm) return static_cast<double>(step + 1) / static_cast<double>(warm);
  const double t = static_cast<double>(step - warm) / static_cast<double>(steps - warm);
  switch (schedule.decay) {
    case RateDecay::constant: return 1;
    case RateDecay::linear: return 1 - t;
    case RateDecay::cosine: return 0.5 * (1 + std::cos(std::numbers::pi * t));
    case RateDecay::step: {
      const double epochs = static_cast<double>(step) / static_cast<double>(steps_per_epoch);
      return std::pow(schedule.step_factor, std::floor(epochs / schedule.step_epochs));
    }
  }
  return 1;
}

}  // namespace convoy
