#include "reference/io/report.h"

#include <array>

#include "reference/core/error.h"
#include "reference/schedule/memory.h"

namespace convoy {
namespace {

constexpr std::array<std::string_view, 3> kProvenanceNames = {"measured", "simulated", "formula"};

}  // namespace

std::string_view to_string(Provenance provenance) { return kProvenanceNames.at(static_cast<std::size_t>(provenance)); }

Provenance provenance_of_clock(const std::string& clock) {
  if (clock == "steady") return Provenance::measured;
  if (clock == "simulated") return Provenance::simulated;
  require(clock == "formula", "provenance_of_clock", "unknown clock '", clock, "'");
  return Provenance::formula;
}

void RunReport::set_times(const StepTimes& times, const std::string& clock_name) {
  clock = clock_name;
  steps = times.iterations;
  step_time_s = times.step_time_s;
  compute_s = times.compute_s;
  exposed_communication_s = times.exposed_communication_s;
  hidden_communication_s = times.hidden_communication_s;
  wait_s = times.wait_s;
  bubble_s = times.bubble_s;
  ranks = times.ranks;
  for (int i = 0; i < kPhaseCount; ++i)
    phases_s[std::string(to_string(static_cast<Phase>(i)))] = times.phase_s[static_cast<std::size_t>(i)];
  images_per_s = step_time_s > 0 ? schedule.global_batch / step_time_s : 0;
  for (const char* name : {"step_time_s", "compute_s", "exposed_communication_s", "hidden_communication_s", "wait_s", "bubble_s",
                           "phases_s", "images_per_s"})
    provenance[name] = provenance_of_clock(clock_name);
  if (!ranks.empty()) provenance["ranks"] = provenance_of_clock(clock_name);
}

void RunReport::set_memory(const Schedule& made) {
  memory_bytes.clear();
  for (const Program& program : made.programs) memory_bytes.push_back(plan_memory(program).total_bytes);
  provenance["memory_bytes"] = Provenance::formula;
}

void RunReport::set_serving(const Timeline& timeline) {
  if (timeline.pushes.empty()) return;
  serving = summary_of(timeline.pushes);
  provenance["serving"] = provenance_of_clock(timeline.clock);
}

}  // namespace convoy
