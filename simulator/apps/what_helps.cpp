#include "simulator/apps/what_helps.h"

#include <algorithm>
#include <vector>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// Whether gradients go through an all-reduce, so that its options change something.
bool sums_gradients(const ScheduleChoice& choice, Mode mode) {
  if (mode == Mode::evaluate) return false;
  const bool by_images = choice.plan == "data" || choice.plan == "hybrid" || choice.plan == "spatial";
  return by_images && choice.plan_yaml.empty() && choice.zero == 0 && choice.compression.method == "none";
}

/// Whether every micro-batch of its pipeline still has several images.
bool has_room_for_micro_batches(const ScheduleChoice& choice) {
  if (!choice.pipeline.settings.table.empty()) return false;  // an order from a file has as many as it has
  const Plan plan = plan_of(choice);
  const int pipelines = plan.batch_axis < 0 ? 1 : plan.mesh.axes[static_cast<std::size_t>(plan.batch_axis)].extent;
  return 2 * plan.pipeline.micro_batches <= plan.global_batch / pipelines;
}

std::vector<std::string> against_communication(const ScheduleChoice& choice, Mode mode, bool library) {
  std::vector<std::string> words;
  if (!choice.overlap) words.emplace_back("--overlap on");
  const bool sums = sums_gradients(choice, mode);
  const bool chose_parts = choice.chunks > 1 || choice.channels > 0;  // which auto does too, and refuses beside it
  if (sums && !library && !chose_parts && choice.all_reduce != "auto") words.emplace_back("--all-reduce auto");
  if (sums && !choice.gradient_dtype) words.emplace_back("--gradients f16, half of the bytes");
  words.emplace_back("more images a rank");
  return words;
}

}  // namespace

std::string what_helps(const ScheduleChoice& choice, Mode mode, const StepTimes& times, bool library) {
  const double lost_s = std::max({times.exposed_communication_s, times.wait_s, times.bubble_s});
  if (!(lost_s > 0.1 * times.mean_step_time_s)) return "";
  std::vector<std::string> words;
  if (lost_s == times.exposed_communication_s)
    words = against_communication(choice, mode, library);
  else if (lost_s == times.bubble_s && (choice.plan == "pipeline" || choice.pipeline.ranks > 1) &&
           has_room_for_micro_batches(choice))
    words = {"more --micro-batches"};
  if (mode == Mode::train) words.emplace_back("convoy advise, which tries other plans");
  std::string text;
  for (const std::string& each : words) text += cat(text.empty() ? "may help: " : "; ", each);
  return text.empty() ? "" : text + "\n";
}

}  // namespace convoy
