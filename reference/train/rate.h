/// The learning rate over a run.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace convoy {

/// How the rate falls once it is warm.
enum class RateDecay : std::uint8_t { constant, linear, step, cosine };
std::string_view to_string(RateDecay decay);
/// An InputError names the nearest.
RateDecay parse_rate_decay(std::string_view name);

struct RateSchedule {
  RateDecay decay = RateDecay::linear;
  double warm_up_epochs = 0;  ///< the rate rises in a straight line over these
  double step_epochs = 30;    ///< step: it is multiplied by step_factor every so many epochs
  double step_factor = 0.1;
};

/// The rate of step `step` (from 0) of `steps` in all, `steps_per_epoch` an epoch, as a factor of the highest:
///
///   warming up, step < W:  (step + 1) / W, where W = warm_up_epochs * steps_per_epoch, rounded
///   constant:              1
///   linear:                1 - t, where t = (step - W) / (steps - W)
///   cosine:                (1 + cos(pi t)) / 2              (Loshchilov and Hutter 2017, without restarts)
///   step:                  step_factor ^ floor(step / (step_epochs * steps_per_epoch)), counted from the start of the run
double rate_factor(const RateSchedule& schedule, std::int64_t step, std::int64_t steps, std::int64_t steps_per_epoch);

}  // namespace convoy
