#include "simulator/apps/sweep_results.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <nlohmann/json.hpp>
#include <set>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/csv.h"
#include "reference/io/line_chart.h"
#include "simulator/report/step_report.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

const std::vector<std::string> kResults = {"global_batch",
                                           "step_time_s",
                                           "compute_s",
                                           "exposed_communication_s",
                                           "hidden_communication_s",
                                           "wait_s",
                                           "bubble_s",
                                           "images_per_s",
                                           "efficiency",
                                           "memory_bytes",
                                           "fits",
                                           "simulated_with"};

constexpr std::string_view kFingerprint = "_fnv1a";

std::string fingerprint_column(const std::string& option) { return cat(option, kFingerprint); }

/// The options of which a word names a file.
std::set<std::string> reading_options(const SweepColumns& columns) {
  std::set<std::string> options;
  for (const auto& [named, contents] : columns.contents) options.insert(named.first);
  return options;
}

/// The options of a row, with their words.
std::vector<std::pair<std::string, std::string>> options_of(const SweepColumns& columns, const SweepWords& words) {
  std::vector<std::pair<std::string, std::string>> options;
  for (std::size_t a = 0; a < columns.varied.size(); ++a) options.emplace_back(columns.varied[a], words[a]);
  options.insert(options.end(), columns.fixed.begin(), columns.fixed.end());
  return options;
}

/// The fingerprints of a row, one for each of reading_options(); "" where the row's word names no file.
std::vector<std::string> fingerprints_of(const SweepColumns& columns, const SweepWords& words) {
  std::map<std::string, std::string> found;
  for (const std::string& option : reading_options(columns)) found[option];
  for (const auto& named : options_of(columns, words))
    if (const auto file = columns.contents.find(named); file != columns.contents.end()) found[named.first] = file->second;
  std::vector<std::string> cells;
  for (const auto& [option, cell] : found) cells.push_back(cell);
  return cells;
}

std::vector<std::string> names_of(const SweepColumns& columns) {
  std::vector<std::string> names = columns.varied;
  for (const auto& [option, word] : columns.fixed) names.push_back(option);
  for (const std::string& option : reading_options(columns)) names.push_back(fingerprint_column(option));
  names.insert(names.end(), kResults.begin(), kResults.end());
  return names;
}

std::string line_of(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) {
    if (!line.empty()) line.push_back(',');
    line.append(csv_cell(cell));
  }
  line.push_back('\n');
  return line;
}

/// The number in a cell that must have one.
double number_in(const CsvTable& table, std::size_t row, const std::string& column) {
  const std::optional<double> number = table.number(row, column);
  if (!number)
    throw InputError(cat(table.place(row, column), ": there is no ", column, "; delete the line, and it is simulated again"));
  return *number;
}

SweepResult result_in(const CsvTable& table, std::size_t row) {
  return {.global_batch = static_cast<int>(number_in(table, row, "global_batch")),
          .step_time_s = number_in(table, row, "step_time_s"),
          .compute_s = number_in(table, row, "compute_s"),
          .exposed_communication_s = number_in(table, row, "exposed_communication_s"),
          .hidden_communication_s = number_in(table, row, "hidden_communication_s"),
          .wait_s = number_in(table, row, "wait_s"),
          .bubble_s = number_in(table, row, "bubble_s"),
          .efficiency = table.number(row, "efficiency"),
          .memory_bytes = static_cast<std::int64_t>(number_in(table, row, "memory_bytes")),
          .fits = table.text(row, "fits") == "true",
          .fidelity = table.text(row, "simulated_with")};
}

/// The varied option whose words are all numbers, the first of them.
std::size_t counting_axis(const SweepColumns& columns, const std::vector<SweepRow>& rows) {
  for (std::size_t axis = 0; axis < columns.varied.size(); ++axis)
    if (std::all_of(rows.begin(), rows.end(), [&](const SweepRow& row) { return parse_number(row.first[axis]).has_value(); }))
      return axis;
  throw InputError("a picture needs a varied option that is a number, for example --vary ranks=2..64:x2");
}

/// What the fidelity of a result is called: `other` where the word of --fidelity stands beside it.
const char* fidelity_name(const SweepColumns& columns, const char* other) {
  const bool varied = std::find(columns.varied.begin(), columns.varied.end(), "fidelity") != columns.varied.end();
  return varied ? other : "fidelity";
}

/// Columns without those of fingerprints, which come and go with the files among the words that are varied.
std::vector<std::string> without_fingerprints(std::vector<std::string> names) {
  std::erase_if(names, [](const std::string& name) { return name.ends_with(kFingerprint); });
  return names;
}

/// Why a row does not hold for what the files hold now; "" when it does.
std::string changed_file(const SweepColumns& columns, const CsvTable& table, std::size_t row, const SweepWords& words) {
  for (const auto& named : options_of(columns, words)) {
    const auto file = columns.contents.find(named);
    if (file == columns.contents.end()) continue;
    const auto& [option, word] = named;
    const std::string& before = table.text(row, fingerprint_column(option));
    if (before.empty()) return cat("it does not say what ", word, " of --", option, " held");
    if (before != file->second) return cat(word, " of --", option, " has changed since");
  }
  return "";
}

}  // namespace

std::string sweep_csv(const SweepColumns& columns, const std::vector<SweepRow>& rows) {
  std::string text = line_of(names_of(columns));
  for (const auto& [words, r] : rows) {
    std::vector<std::string> cells = words;
    for (const auto& [option, word] : columns.fixed) cells.push_back(word);
    const std::vector<std::string> fingerprints = fingerprints_of(columns, words);
    cells.insert(cells.end(), fingerprints.begin(), fingerprints.end());
    for (const std::string& cell :
         {fmt::format("{}", r.global_batch), fmt::format("{}", r.step_time_s), fmt::format("{}", r.compute_s),
          fmt::format("{}", r.exposed_communication_s), fmt::format("{}", r.hidden_communication_s), fmt::format("{}", r.wait_s),
          fmt::format("{}", r.bubble_s), fmt::format("{}", r.images_per_s()),
          r.efficiency ? fmt::format("{}", *r.efficiency) : "", fmt::format("{}", r.memory_bytes), fmt::format("{}", r.fits),
          r.fidelity})
      cells.push_back(cell);
    text += line_of(cells);
  }
  return text;
}

std::map<SweepWords, SweepResult> parse_sweep_csv(const std::string& csv, const std::string& file, const SweepColumns& columns) {
  const CsvTable table = parse_csv(csv, file);
  const auto other = [&](const std::string& how) {
    throw InputError(cat(file, " is from another sweep: ", how, ". Give --csv another name, or --restart to write over it"));
  };
  if (without_fingerprints(table.columns) != without_fingerprints(names_of(columns))) other("it has other columns");
  std::map<SweepWords, SweepResult> done;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    for (const auto& [option, word] : columns.fixed)
      if (table.text(row, option) != word) other(cat("its ", option, " is ", table.text(row, option), ", here it is ", word));
    SweepWords words;
    for (const std::string& option : columns.varied) words.push_back(table.text(row, option));
    if (const std::string changed = changed_file(columns, table, row, words); !changed.empty()) other(changed);
    done[words] = result_in(table, row);
  }
  return done;
}

std::string sweep_table(const SweepColumns& columns, const std::vector<SweepRow>& rows) {
  std::vector<Column> heads;
  for (const std::string& option : columns.varied) heads.push_back({option});
  for (const char* name : {"step", "compute", "exposed\ncommunication", "images/s", "efficiency", "memory\na rank",
                           fidelity_name(columns, "simulated\nwith")})
    heads.push_back({name});
  Table table(heads);
  for (const auto& [words, r] : rows) {
    std::vector<std::string> cells = words;
    cells.insert(cells.end(), {format_time(r.step_time_s), format_time(r.compute_s), format_time(r.exposed_communication_s),
                               fmt::format("{:.0f}", r.images_per_s()), r.efficiency ? format_percent(*r.efficiency) : "n/a",
                               format_bytes(static_cast<double>(r.memory_bytes)) + (r.fits ? "" : " (too much)"), r.fidelity});
    table.add_row(cells);
  }
  return table.to_string();
}

nlohmann::ordered_json sweep_json(const SweepColumns& columns, const std::vector<SweepRow>& rows) {
  nlohmann::ordered_json json;
  json["rows"] = nlohmann::ordered_json::array();
  for (const auto& [words, r] : rows) {
    nlohmann::ordered_json row;
    for (std::size_t a = 0; a < columns.varied.size(); ++a) row[columns.varied[a]] = words[a];
    row["global_batch"] = r.global_batch;
    row["step_time_s"] = r.step_time_s;
    row["compute_s"] = r.compute_s;
    row["exposed_communication_s"] = r.exposed_communication_s;
    row["hidden_communication_s"] = r.hidden_communication_s;
    row["wait_s"] = r.wait_s;
    row["bubble_s"] = r.bubble_s;
    row["images_per_s"] = r.images_per_s();
    row["efficiency"] = nullptr;
    if (r.efficiency) row["efficiency"] = *r.efficiency;
    row["memory_bytes"] = r.memory_bytes;
    row["fits"] = r.fits;
    row[fidelity_name(columns, "simulated_with")] = r.fidelity;
    json["rows"].push_back(row);
  }
  json["provenance"] = {{"step_time_s", "simulated"},
                        {"compute_s", "simulated"},
                        {"exposed_communication_s", "simulated"},
                        {"hidden_communication_s", "simulated"},
                        {"wait_s", "simulated"},
                        {"bubble_s", "simulated"},
                        {"images_per_s", "simulated"},
                        {"efficiency", "simulated"},
                        {"memory_bytes", "formula"},
                        {"fits", "formula"}};
  return json;
}

namespace {

/// Whether the places of the points are a geometric series, as those of ranks=2..64:x2.
bool grows_by_a_factor(const LineChart& chart) {
  std::set<double> places;
  for (const ChartLine& line : chart.lines)
    for (const auto& point : line.points) places.insert(point.first);
  if (places.size() < 3 || !(*places.begin() > 0)) return false;
  const double factor = *std::next(places.begin()) / *places.begin();
  for (auto place = std::next(places.begin()); place != places.end(); ++place)
    if (std::abs(*place / *std::prev(place) / factor - 1) > 1e-6) return false;
  return true;
}

}  // namespace

std::string sweep_svg(const SweepColumns& columns, const std::vector<SweepRow>& rows) {
  const std::size_t axis = counting_axis(columns, rows);
  const std::string& x = columns.varied[axis];
  std::vector<LineChart> charts = {{.title = "images a second", .x_label = x, .y_label = "images/s", .lines = {}},
                                   {.title = "scaling efficiency", .x_label = x, .y_label = "%", .lines = {}},
                                   {.title = "time of a step", .x_label = x, .y_label = "ms", .lines = {}}};
  const auto add = [](LineChart& chart, const std::string& name, double at, double value) {
    auto line = std::find_if(chart.lines.begin(), chart.lines.end(), [&](const ChartLine& l) { return l.name == name; });
    if (line == chart.lines.end()) line = chart.lines.insert(chart.lines.end(), {name, {}});
    line->points.emplace_back(at, value);
  };
  for (const auto& [words, r] : rows) {
    std::string name;
    for (std::size_t a = 0; a < words.size(); ++a)
      if (a != axis) name += cat(name.empty() ? "" : ", ", columns.varied[a], " ", words[a]);
    if (name.empty()) name = "simulated";
    const double at = *parse_number(words[axis]);
    add(charts[0], name, at, r.images_per_s());
    if (r.efficiency) add(charts[1], name, at, 100 * *r.efficiency);
    add(charts[2], name, at, 1e3 * r.step_time_s);
  }
  std::erase_if(charts, [](const LineChart& chart) { return chart.lines.empty(); });
  for (LineChart& chart : charts) {
    for (ChartLine& line : chart.lines) std::sort(line.points.begin(), line.points.end());
    chart.y_from_zero = true;
    chart.x_doubles = grows_by_a_factor(chart);
  }
  return to_svg(charts);
}

}  // namespace convoy
