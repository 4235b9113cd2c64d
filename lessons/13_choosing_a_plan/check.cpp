/// The check of lesson 13: plans drawn at random; the answer must be that of brute force, with no simulation too many.
#include <algorithm>
#include <cmath>
#include <string>

#include "exercise.h"
#include "lessons/lesson.h"
#include "reference/core/random.h"

namespace convoy::lesson {
namespace {

struct Plans {
  std::vector<Candidate> candidates;
  std::vector<double> times_s;
  std::int64_t device_bytes = 0;
  [[nodiscard]] bool fits(std::size_t i) const { return candidates[i].memory_bytes <= device_bytes; }
};

Plans drawn_plans(int count, std::int64_t device_bytes, int seed) {
  Plans plans{.candidates = {}, .times_s = {}, .device_bytes = device_bytes};
  for (int i = 0; i < count; ++i) {
    const auto draw = [&](int what) { return unit_interval(random_bits(13, seed, i, what)); };
    plans.candidates.push_back({.lower_bound_s = 0.1 + draw(0), .memory_bytes = static_cast<std::int64_t>(1e9 * draw(1))});
    plans.times_s.push_back(plans.candidates.back().lower_bound_s * (1.001 + draw(2)));
  }
  return plans;
}

/// By brute force: the fastest that fits, the slowest, and how many have to be simulated to know.
struct Truth {
  int fastest = -1, slowest = -1, needed = 0, fitting = 0;
};

Truth truth_of(const Plans& plans) {
  Truth truth;
  const auto time_s = [&](int i) { return plans.times_s[static_cast<std::size_t>(i)]; };
  for (std::size_t i = 0; i < plans.candidates.size(); ++i) {
    if (!plans.fits(i)) continue;
    ++truth.fitting;
    if (truth.fastest < 0 || plans.times_s[i] < time_s(truth.fastest)) truth.fastest = static_cast<int>(i);
    if (truth.slowest < 0 || plans.times_s[i] > time_s(truth.slowest)) truth.slowest = static_cast<int>(i);
  }
  for (std::size_t i = 0; i < plans.candidates.size(); ++i)
    if (plans.fits(i) && plans.candidates[i].lower_bound_s < time_s(truth.fastest)) ++truth.needed;
  return truth;
}

/// What the learner did.
struct Answer {
  int index = -1;
  std::vector<int> simulated;  ///< in this order
};

Answer ask(const Plans& plans) {
  Answer answer;
  answer.index = fastest(plans.candidates, plans.device_bytes, [&](int i) {
    if (i < 0 || i >= static_cast<int>(plans.candidates.size())) throw NotYet(cat("There is no plan ", i, " to simulate."));
    if (std::find(answer.simulated.begin(), answer.simulated.end(), i) != answer.simulated.end())
      throw NotYet(cat("Plan ", i, " is simulated twice; keep its time."));
    answer.simulated.push_back(i);
    return plans.times_s[static_cast<std::size_t>(i)];
  });
  return answer;
}

bool in_order_of_bounds(const Plans& plans, const std::vector<int>& simulated) {
  return std::is_sorted(simulated.begin(), simulated.end(), [&](int a, int b) {
    return plans.candidates[static_cast<std::size_t>(a)].lower_bound_s <
           plans.candidates[static_cast<std::size_t>(b)].lower_bound_s;
  });
}

/// Why not the fastest one.
std::string wrong_plan(const Plans& plans, const Truth& truth, const Answer& answer) {
  if (answer.simulated.empty()) return "It was chosen without any simulation; a lower bound is no time.";
  if (answer.index == truth.slowest && static_cast<int>(answer.simulated.size()) == truth.fitting)
    return "All that fit were simulated, and it is the slowest one.";
  if (answer.simulated.size() == 1)
    return "You stop after the first simulation, but others with a lower bound below its time may be faster.";
  if (!in_order_of_bounds(plans, answer.simulated))
    return "You stop at a plan that cannot be the fastest; those behind it may be faster unless they are sorted by their bounds.";
  return "Do you stop at the first one that is no better than the best so far? One with a higher bound can still be faster than "
         "both.";
}

std::string too_many(const Plans& plans, const Truth& truth, const Answer& answer) {
  if (static_cast<int>(answer.simulated.size()) == truth.fitting)
    return "It simulates every plan that fits, also those whose lower bound is above the best time so far.";
  if (!in_order_of_bounds(plans, answer.simulated)) return "If you begin with the lowest bound you can rule out more.";
  return "Some of them had a lower bound no better than the best time so far.";
}

void check_plans(const Plans& plans) {
  const Truth truth = truth_of(plans);
  const Answer answer = ask(plans);
  const std::string where = cat(plans.candidates.size(), " plans, ", truth.fitting, " fit: ");
  if (answer.index < -1 || answer.index >= static_cast<int>(plans.candidates.size()))
    throw NotYet(cat(where, "there is no plan ", answer.index, "."));
  if (answer.index == -1 && truth.fastest >= 0 && answer.simulated.empty())
    throw NotYet(cat(where, "fastest says that none fits: open exercise.cpp and look for one."));
  for (const int i : answer.simulated)
    if (!plans.fits(static_cast<std::size_t>(i)))
      throw NotYet(cat(where, "plan ", i, " is simulated, that does not fit into the device whatever its time is."));
  if (answer.index != truth.fastest)
    throw NotYet(
        cat(where, "the fastest is plan ", truth.fastest, ", you chose ", answer.index, ".\n", wrong_plan(plans, truth, answer)));
  if (const int count = static_cast<int>(answer.simulated.size()); count != truth.needed)
    throw NotYet(cat(where, "that is the fastest, after ", count, " simulations; ", truth.needed, " are enough.\n",
                     too_many(plans, truth, answer)));
}

/// By hand: the second has the best bound of those that fit, and the fifth the best time; the fourth cannot be the fastest, and
/// comes before it; the third has the lowest bound and does not fit.
const Plans kByHand{.candidates = {{0.9, 100}, {0.2, 100}, {0.1, 900}, {0.7, 100}, {0.5, 100}, {0.4, 100}},
                    .times_s = {0.95, 0.65, 0.15, 0.75, 0.55, 0.8},
                    .device_bytes = 500};

void check_all() {
  check_plans(kByHand);
  for (int seed = 0; seed < 60; ++seed)
    for (const std::int64_t device_bytes : {std::int64_t{2'000'000'000}, std::int64_t{300'000'000}, std::int64_t{0}})
      check_plans(drawn_plans(1 + seed, device_bytes, seed));
}

}  // namespace
}  // namespace convoy::lesson

int main() { return convoy::lesson::check(convoy::lesson::check_all); }
