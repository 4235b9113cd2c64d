#include "simulator/report/step_report.h"

#include <fmt/format.h>

#include "reference/core/units.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

/// "all_reduce" as a word for people.
std::string words(std::string_view name) {
  std::string text(name);
  for (char& letter : text)
    if (letter == '_') letter = ' ';
  return text;
}

std::string share_of(double part_s, double whole_s) { return whole_s > 0 ? format_percent(part_s / whole_s) : ""; }

/// Whole from 1,000 on, four digits below.
std::string format_rate(double per_s) { return per_s >= 1000 ? fmt::format("{:.0f}", per_s) : fmt::format("{:.4g}", per_s); }

}  // namespace

double images_per_s(int global_batch, double step_time_s) { return step_time_s > 0 ? global_batch / step_time_s : 0; }

double scaling_efficiency(double one_rank_step_s, double step_time_s) {
  return step_time_s > 0 ? one_rank_step_s / step_time_s : 0;
}

std::string step_table(const StepTimes& times) {
  Table table({{"a step", Align::left}, {"time"}, {"share"}, {"", Align::left}});
  const auto row = [&](std::string name, double time_s, std::string note) {
    table.add_row({std::move(name), format_time(time_s), share_of(time_s, times.mean_step_time_s), std::move(note)});
  };
  row("compute", times.compute_s, "");
  row("exposed communication", times.exposed_communication_s, "nothing computes meanwhile");
  row("idle", times.idle_s, "neither");
  table.add_rule();
  row("mean step", times.mean_step_time_s, "the three above");
  row("median step", times.step_time_s, fmt::format("of {} step{}", times.iterations, times.iterations == 1 ? "" : "s"));
  row("hidden communication", times.hidden_communication_s, "while computing");
  table.add_rule();
  for (int phase = 0; phase < kPhaseCount; ++phase)
    if (times.phase_s[phase] > 0) row(words(to_string(static_cast<Phase>(phase))), times.phase_s[phase], "");
  return table.to_string();
}

std::string speed_table(const StepReport& report) {
  Table table({{"", Align::left}, {"", Align::right}, {"", Align::left}});
  const double step_s = report.times.step_time_s;
  table.add_row({"step time", format_time(step_s), ""});
  table.add_row({"images/s", format_rate(images_per_s(report.global_batch, step_s)),
                 fmt::format("{} images a step on {} rank{}", report.global_batch, report.ranks, report.ranks == 1 ? "" : "s")});
  if (report.one_rank_step_s) {
    table.add_row({"scaling efficiency", format_percent(scaling_efficiency(*report.one_rank_step_s, step_s)),
                   fmt::format("one rank with as many images a rank takes {}", format_time(*report.one_rank_step_s))});
  }
  if (report.lower_bound_s) {
    table.add_row({"lower bound", format_time(*report.lower_bound_s), "by formula, without contention"});
  }
  return table.to_string();
}

nlohmann::ordered_json speed_json(const StepReport& report) {
  nlohmann::ordered_json json = {{"scaling_efficiency", nullptr}, {"one_rank_step_time_s", nullptr}, {"lower_bound_s", nullptr}};
  if (report.one_rank_step_s) {
    json["scaling_efficiency"] = scaling_efficiency(*report.one_rank_step_s, report.times.step_time_s);
    json["one_rank_step_time_s"] = *report.one_rank_step_s;
  }
  if (report.lower_bound_s) json["lower_bound_s"] = *report.lower_bound_s;
  return json;
}

}  // namespace convoy
