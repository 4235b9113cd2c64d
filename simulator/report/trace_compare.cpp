#include "simulator/report/trace_compare.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "simulator/report/compare_report.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

std::vector<CompareRow> rows_of(const TraceTimes& a, const TraceTimes& b) {
  constexpr const char* names[kPhaseCount] = {
      "load", "forward", "backward", "all-reduce", "other communication", "packing", "update", "waiting, hidden or not"};
  std::vector<CompareRow> rows = {{"step", a.step_s, b.step_s}};
  for (std::size_t phase = 0; phase < kPhaseCount; ++phase)
    if (a.phase_s[phase] > 0 || b.phase_s[phase] > 0) rows.push_back({names[phase], a.phase_s[phase], b.phase_s[phase]});
  rows.push_back({"compute", a.compute_s, b.compute_s});
  rows.push_back({"exposed communication", a.exposed_communication_s, b.exposed_communication_s});
  rows.push_back({"hidden communication", a.hidden_communication_s, b.hidden_communication_s});
  if (a.wait_s > 0 || b.wait_s > 0) rows.push_back({"waiting", a.wait_s, b.wait_s});
  rows.push_back({"idle", a.idle_s, b.idle_s});
  return rows;
}

std::string in_short(const Trace& trace, int steps) {
  return fmt::format("{} ({} lane{}, {} step{})", trace.title, trace.lanes.size(), trace.lanes.size() == 1 ? "" : "s", steps,
                     steps == 1 ? "" : "s");
}

}  // namespace

std::string trace_compare_table(const Trace& first, const Trace& second) {
  const TraceTimes a = times_of(first);
  const TraceTimes b = times_of(second);
  Table table({{"a step", Align::left}, {"first"}, {"second"}, {"difference"}});
  for (const CompareRow& row : rows_of(a, b)) {
    const std::optional<double> error = row.error();
    table.add_row(
        {row.name, format_time(row.first_s), format_time(row.second_s), error ? fmt::format("{:+.1f} %", 100 * *error) : "n/a"});
  }
  return fmt::format("first:  {}\nsecond: {}\n\n{}", in_short(first, a.steps), in_short(second, b.steps), table.to_string());
}

nlohmann::ordered_json trace_compare_json(const Trace& first, const Trace& second) {
  const TraceTimes a = times_of(first);
  const TraceTimes b = times_of(second);
  nlohmann::ordered_json json;
  json["first"] = {{"title", first.title}, {"steps", a.steps}};
  json["second"] = {{"title", second.title}, {"steps", b.steps}};
  json["rows"] = nlohmann::ordered_json::array();
  for (const CompareRow& row : rows_of(a, b)) {
    nlohmann::ordered_json entry = {{"name", row.name}, {"first_s", row.first_s}, {"second_s", row.second_s}, {"error", nullptr}};
    if (const auto error = row.error()) entry["error"] = *error;
    json["rows"].push_back(std::move(entry));
  }
  return json;
}

}  // namespace convoy
