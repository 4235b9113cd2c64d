#include "simulator/report/step_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

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
  row("waiting", times.wait_s, "for ranks that communicate with it and are not there yet");
  row("bubble", times.bubble_s, "nothing to do, or something to receive that is not computed yet");
  table.add_rule();
  row("mean step", times.mean_step_time_s, "the four above");
  const std::string steps = fmt::format("of {} step{}", times.iterations, times.iterations == 1 ? "" : "s");
  if (times.independent_workers)
    row("a batch of all", times.step_time_s, "the images of a step over the images/s of all workers, " + steps);
  else
    row("median step", times.step_time_s, steps);
  row("hidden communication", times.hidden_communication_s, "while computing");
  table.add_rule();
  const char* note = "phases overlap: together they may be longer than a step";
  for (int phase = 0; phase < kPhaseCount; ++phase) {
    if (!(times.phase_s[phase] > 0)) continue;
    const bool waits = static_cast<Phase>(phase) == Phase::wait;
    row(waits ? "waiting, hidden or not" : words(to_string(static_cast<Phase>(phase))), times.phase_s[phase],
        std::exchange(note, ""));
  }
  return table.to_string();
}

std::string ranks_table(const StepTimes& times) {
  constexpr std::size_t kMostLines = 12;
  struct Line {
    std::vector<std::string> times;
    int ranks = 0;
    int first = 0;
  };
  std::vector<Line> lines;  // of ranks alike, in the order of their first
  for (const RankTimes& rank : times.ranks) {
    const std::vector<std::string> cells = {format_time(rank.compute_s), format_time(rank.exposed_communication_s),
                                            format_time(rank.wait_s),    format_time(rank.bubble_s),
                                            format_time(rank.step_s),    format_time(rank.hidden_communication_s)};
    auto line = std::find_if(lines.begin(), lines.end(), [&](const Line& each) { return each.times == cells; });
    if (line == lines.end()) line = lines.insert(lines.end(), {cells, 0, rank.rank});
    line->ranks += rank.ranks;
  }
  Table table({{"rank", Align::left}, {"compute"}, {"exposed"}, {"waiting"}, {"bubble"}, {"step"}, {"hidden"}});
  for (std::size_t i = 0; i < std::min(lines.size(), kMostLines); ++i) {
    const Line& line = lines[i];
    std::vector<std::string> cells = {line.ranks == 1 ? fmt::format("{}", line.first)
                                                      : fmt::format("{} and {} more", line.first, line.ranks - 1)};
    cells.insert(cells.end(), line.times.begin(), line.times.end());
    table.add_row(cells);
  }
  if (lines.size() <= kMostLines) return table.to_string();
  return table.to_string() + fmt::format("and {} lines more; --json has all ranks\n", lines.size() - kMostLines);
}

std::string links_table(const Timeline& timeline) {
  if (timeline.links.empty()) return "";
  Table table({{"busiest links", Align::left}, {"moved in all steps"}, {"utilisation"}, {"flows at once"}});
  constexpr std::size_t kMost = 5;
  for (std::size_t i = 0; i < std::min(timeline.links.size(), kMost); ++i) {
    const LinkTraffic& link = timeline.links[i];
    table.add_row({link.name, format_bytes(link.bytes), format_percent(link.utilisation), fmt::format("{}", link.most_flows)});
  }
  return table.to_string();
}

nlohmann::ordered_json links_json(const Timeline& timeline) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const LinkTraffic& link : timeline.links)
    list.push_back(
        {{"name", link.name}, {"bytes", link.bytes}, {"utilisation", link.utilisation}, {"most_flows", link.most_flows}});
  return list;
}

std::string speed_table(const StepReport& report) {
  Table table({{"", Align::left}, {"", Align::right}, {"", Align::left}});
  const double step_s = report.times.step_time_s;
  const bool independent = report.times.independent_workers;
  table.add_row({"step time", format_time(step_s),
                 independent ? "workers do not wait for each other: images of a step over images/s of all" : ""});
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
