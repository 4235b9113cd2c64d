#include "simulator/apps/what_helps.h"

#include <algorithm>
#include <vector>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// Whether gradients go through an all-reduce, so that its options change something.
bool sums_gradients(const ScheduleChoice& choice) {
  const bool by_images = choice.plan == "data" || choice.plan == "hybrid" || choice.plan == "spatial";
  return by_images && choice.plan_yaml.empty() && choice.zero == 0 && choice.compression.method == "none";
}

std::vector<std::string> against_communication(const ScheduleChoice& choice, bool library) {
  std::vector<std::string> words;
  if (!choice.overlap) words.emplace_back("--overlap on");
  if (sums_gradients(choice) && !library && choice.all_reduce != "auto") words.emplace_back("--all-reduce auto");
  if (sums_gradients(choice) && !choice.gradient_dtype) words.emplace_back("--gradients f16, half of the bytes");
  words.emplace_back("more images a rank");
  return words;
}

}  // namespace

std::string what_helps(const ScheduleChoice& choice, const StepTimes& times, bool library) {
  const double lost_s = std::max({times.exposed_communication_s, times.wait_s, times.bubble_s});
  if (!(lost_s > 0.1 * times.mean_step_time_s)) return "";
  std::vector<std::string> words;
  if (lost_s == times.exposed_communication_s)
    words = against_communication(choice, library);
  else if (lost_s == times.bubble_s && (choice.plan == "pipeline" || choice.pipeline.ranks > 1))
    words = {"more --micro-batches"};
  std::string text = "may help: ";
  for (const std::string& each : words) text += cat(each, "; ");
  return text + "convoy advise, which tries other plans\n";
}

}  // namespace convoy
