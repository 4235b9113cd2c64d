#include "simulator/advise/search.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "reference/core/error.h"
#include "reference/core/units.h"

namespace convoy {
namespace {

struct Part {
  const char* name;
  double time_s;
};

std::string percent(double share) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.0f %%", 100 * share);
  return text.data();
}

std::array<Part, 4> parts_of(const StepTimes& times) {
  return {Part{"computing", times.compute_s}, Part{"communication that nothing hides", times.exposed_communication_s},
          Part{"waiting for other ranks", times.wait_s}, Part{"nothing to do", times.bubble_s}};
}

/// Up to what rounding leaves of equal times.
bool beats(const Assessed& simulated, double time_s, std::int64_t memory_bytes) {
  return simulated.times->step_time_s <= time_s * (1 + 1e-9) && simulated.estimate.memory_bytes <= memory_bytes;
}

void estimate_all(SearchResult& result, std::int64_t device_bytes, const Evaluators& evaluators,
                  const std::function<void(const std::string&)>& done) {
  std::size_t count = 0;
  for (Assessed& each : result.all) {
    try {
      each.estimate = evaluators.estimate(each.choice);
      each.fits = device_bytes == 0 || each.estimate.memory_bytes <= device_bytes;
      result.too_large += each.fits ? 0 : 1;
    } catch (const InputError& error) {
      each.refused = error.what();
      ++result.refused;
    }
    if (done && ++count % 50 == 0) done(cat(count, " of ", result.all.size(), " plans made"));
  }
}

/// Of simulated candidates in order of time: whoever needs less memory than all that are faster.
void find_front(SearchResult& result) {
  std::stable_sort(result.by_time.begin(), result.by_time.end(), [&](int a, int b) {
    const Assessed &x = result.all[static_cast<std::size_t>(a)], &y = result.all[static_cast<std::size_t>(b)];
    if (x.times->step_time_s != y.times->step_time_s) return x.times->step_time_s < y.times->step_time_s;
    return x.estimate.memory_bytes < y.estimate.memory_bytes;
  });
  std::int64_t least_bytes = INT64_MAX;
  for (const int i : result.by_time) {
    Assessed& each = result.all[static_cast<std::size_t>(i)];
    if (each.estimate.memory_bytes >= least_bytes) continue;
    least_bytes = each.estimate.memory_bytes;
    each.on_front = true;
    result.front.push_back(i);
  }
}

}  // namespace

SearchResult search(std::vector<ScheduleChoice> candidates, std::int64_t device_bytes, const Evaluators& evaluators,
                    const std::function<void(const std::string&)>& done) {
  SearchResult result;
  for (ScheduleChoice& choice : candidates) result.all.push_back({.choice = std::move(choice), .refused = {}, .estimate = {}});
  estimate_all(result, device_bytes, evaluators, done);
  std::vector<int> order;
  for (std::size_t i = 0; i < result.all.size(); ++i)
    if (result.all[i].refused.empty() && result.all[i].fits) order.push_back(static_cast<int>(i));
  std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
    const Estimate &x = result.all[static_cast<std::size_t>(a)].estimate, &y = result.all[static_cast<std::size_t>(b)].estimate;
    if (x.lower_bound_s != y.lower_bound_s) return x.lower_bound_s < y.lower_bound_s;
    return x.memory_bytes < y.memory_bytes;
  });
  for (const int i : order) {
    Assessed& each = result.all[static_cast<std::size_t>(i)];
    const bool beaten = std::any_of(result.by_time.begin(), result.by_time.end(), [&](int other) {
      return beats(result.all[static_cast<std::size_t>(other)], each.estimate.lower_bound_s, each.estimate.memory_bytes);
    });
    if (beaten) {
      ++result.beaten;
      continue;
    }
    each.times = evaluators.simulate(each.choice);
    result.by_time.push_back(i);
    if (done) done(cat(result.by_time.size(), " simulated: ", format_time(each.times->step_time_s)));
  }
  find_front(result);
  return result;
}

std::string what_binds(const StepTimes& times) {
  const auto parts = parts_of(times);
  const Part& most =
      *std::max_element(parts.begin(), parts.end(), [](const Part& a, const Part& b) { return a.time_s < b.time_s; });
  const double step_s = times.mean_step_time_s > 0 ? times.mean_step_time_s : 1;
  std::string sentence =
      cat(most.name, ": ", format_time(most.time_s), " of ", format_time(step_s), ", ", percent(most.time_s / step_s));
  for (const Part& part : parts)
    if (&part != &most && part.time_s > 0.005 * step_s) sentence += cat("; ", part.name, " ", percent(part.time_s / step_s));
  return sentence;
}

std::string why_slower(const StepTimes& best, const StepTimes& other) {
  const auto before = parts_of(best), after = parts_of(other);
  std::vector<Part> grown;
  for (std::size_t i = 0; i < before.size(); ++i)
    if (const double more_s = after[i].time_s - before[i].time_s; more_s > 0) grown.push_back({after[i].name, more_s});
  std::sort(grown.begin(), grown.end(), [](const Part& a, const Part& b) { return a.time_s > b.time_s; });
  std::string sentence;
  for (const Part& part : grown)
    if (part.time_s > 0.05 * grown.front().time_s)
      sentence += cat(sentence.empty() ? "" : ", ", "+", format_time(part.time_s), " ", part.name);
  return sentence;
}

}  // namespace convoy
