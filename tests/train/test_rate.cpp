/// Learning rates against the formulas, written out with numbers.
#include <cmath>
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "reference/train/rate.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

std::vector<double> factors(const RateSchedule& schedule, std::int64_t steps, std::int64_t per_epoch) {
  std::vector<double> all;
  for (std::int64_t step = 0; step < steps; ++step) all.push_back(rate_factor(schedule, step, steps, per_epoch));
  return all;
}

void require_near(const std::vector<double>& found, const std::vector<double>& expected) {
  REQUIRE(found.size() == expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CAPTURE(i, found[i], expected[i]);
    REQUIRE(std::abs(found[i] - expected[i]) <= 1e-15);
  }
}

}  // namespace

TEST_CASE("the learning rate follows its formula") {
  require_near(factors({.decay = RateDecay::constant}, 4, 2), {1, 1, 1, 1});
  require_near(factors({.decay = RateDecay::linear}, 4, 2), {1, 0.75, 0.5, 0.25});
  require_near(factors({.decay = RateDecay::cosine}, 4, 2), {1, (1 + std::sqrt(0.5)) / 2, 0.5, (1 - std::sqrt(0.5)) / 2});
  require_near(factors({.decay = RateDecay::step, .step_epochs = 2, .step_factor = 0.1}, 10, 2),
               {1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01});
}

TEST_CASE("warm-up rises in a straight line and ends at the full rate") {
  require_near(factors({.decay = RateDecay::constant, .warm_up_epochs = 2}, 6, 2), {0.25, 0.5, 0.75, 1, 1, 1});
  require_near(factors({.decay = RateDecay::linear, .warm_up_epochs = 0.5}, 6, 4), {0.5, 1, 1, 0.75, 0.5, 0.25});
  require_near(factors({.decay = RateDecay::cosine, .warm_up_epochs = 1}, 4, 2), {0.5, 1, 1, 0.5});
  require_near(factors({.decay = RateDecay::step, .warm_up_epochs = 1, .step_epochs = 2, .step_factor = 0.5}, 6, 2),
               {0.5, 1, 1, 1, 0.5, 0.5});
}

TEST_CASE("a way to fall that does not exist is named with the nearest") {
  for (const RateDecay decay : {RateDecay::constant, RateDecay::linear, RateDecay::step, RateDecay::cosine})
    REQUIRE(parse_rate_decay(to_string(decay)) == decay);
  try {
    parse_rate_decay("cosin");
    FAIL("accepted");
  } catch (const InputError& error) {
    REQUIRE(std::string(error.what()).find("did you mean 'cosine'") != std::string::npos);
  }
}
