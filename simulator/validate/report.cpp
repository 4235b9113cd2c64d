#include "simulator/validate/report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "simulator/report/table.h"

namespace convoy {
namespace {

std::string percent(const std::optional<double>& fraction) { return fraction ? format_signed_percent(*fraction) : "-"; }
std::string size_percent(const std::optional<double>& fraction) { return fraction ? format_percent(*fraction) : "-"; }

Table summary_table(const std::string& name, const std::vector<Summary>& summaries, bool all) {
  Table table({{name, Align::left},
               {"rows"},
               {"predicted"},
               {"median\n|error|"},
               {"median\nerror"},
               {"worst"},
               {"worst point", Align::left}});
  for (const Summary& summary : summaries) {
    if (!all && summary.predicted == 0) continue;
    table.add_row({summary.name, std::to_string(summary.rows), std::to_string(summary.predicted), size_percent(summary.median),
                   percent(summary.bias), percent(summary.worst), summary.worst_what});
  }
  return table;
}

/// Reasons, the most frequent first, with one case as an example.
std::string reasons_text(const std::vector<Prediction>& predictions) {
  struct Reason {
    int rows = 0;
    std::set<std::string> cases;
  };
  std::map<std::string, Reason> reasons;
  for (const Prediction& prediction : predictions) {
    if (prediction.predicted) continue;
    Reason& reason = reasons[prediction.table + ": " + prediction.how];
    ++reason.rows;
    reason.cases.insert(prediction.case_id);
  }
  std::vector<std::pair<std::string, Reason>> ordered(reasons.begin(), reasons.end());
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto& a, const auto& b) { return a.second.rows > b.second.rows; });
  Table table({{"not predicted, and why", Align::left}, {"rows"}, {"cases"}, {"for example", Align::left}});
  for (const auto& [why, reason] : ordered)
    table.add_row({why, std::to_string(reason.rows), std::to_string(reason.cases.size()), *reason.cases.begin()});
  return ordered.empty() ? std::string("every row has a prediction\n") : table.to_string();
}

}  // namespace

std::string validation_text(const std::vector<Prediction>& predictions, bool points) {
  std::string text = summary_table("table", by_table(predictions), true).to_string() + "\n" +
                     summary_table("case", by_case(predictions), false).to_string() + "\n" + reasons_text(predictions);
  if (!points) return text;
  Table table({{"case", Align::left},
               {"point", Align::left},
               {"unit", Align::left},
               {"measured"},
               {"predicted"},
               {"error"},
               {"how", Align::left}});
  for (const Prediction& p : predictions) {
    table.add_row({p.table + " " + p.case_id, p.what, p.unit, fmt::format("{:.5g}", p.measured),
                   p.predicted ? fmt::format("{:.5g}", *p.predicted) : "-", percent(p.error()), p.how});
  }
  return text + "\n" + table.to_string();
}

std::string validation_csv(const std::vector<Prediction>& predictions) {
  std::string text = "table,case_id,point,unit,measured,predicted,error,how,verified\n";
  for (const Prediction& p : predictions) {
    const auto error = p.error();
    text += fmt::format("{},{},{},{},{:.8g},{},{},{},{}\n", csv_cell(p.table), csv_cell(p.case_id), csv_cell(p.what),
                        csv_cell(p.unit), p.measured, p.predicted ? fmt::format("{:.8g}", *p.predicted) : "",
                        error ? fmt::format("{:.5g}", *error) : "", csv_cell(p.how), p.target ? "yes" : "no");
  }
  return text;
}

nlohmann::ordered_json validation_json(const std::vector<Prediction>& predictions) {
  const auto or_null = [](const std::optional<double>& value) {
    return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
  };
  nlohmann::ordered_json json;
  json["tables"] = nlohmann::ordered_json::array();
  for (const Summary& s : by_table(predictions)) {
    json["tables"].push_back({{"table", s.name},
                              {"rows", s.rows},
                              {"predicted", s.predicted},
                              {"median_absolute_error", or_null(s.median)},
                              {"median_error", or_null(s.bias)},
                              {"worst_error", or_null(s.worst)},
                              {"worst_point", s.worst_what}});
  }
  json["rows"] = nlohmann::ordered_json::array();
  for (const Prediction& p : predictions) {
    json["rows"].push_back({{"table", p.table},
                            {"case_id", p.case_id},
                            {"point", p.what},
                            {"unit", p.unit},
                            {"measured", p.measured},
                            {"predicted", or_null(p.predicted)},
                            {"error", or_null(p.error())},
                            {p.predicted ? "how" : "why_not", p.how},
                            {"verified", p.target}});
  }
  json["provenance"] = {{"measured", "published, see the tables' sources"}, {"predicted", "formula; simulated where how says so"}};
  return json;
}

}  // namespace convoy
