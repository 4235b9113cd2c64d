#include "reference/io/timeline_file.h"

#include <nlohmann/json.hpp>

#include "reference/io/json_fields.h"

namespace convoy {
namespace {

using nlohmann::ordered_json;

std::vector<OpSummary> parse_program(const nlohmann::json& ops, const std::string& path, JsonProblems& problems) {
  std::vector<OpSummary> program;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    JsonFields op(ops[i], cat(path, "[", i, "]"), problems);
    program.push_back({.name = op.text("name"), .stream = op.small_integer("stream"), .phase = op.text("phase")});
    op.require_all_known();
  }
  return program;
}

/// A number of a row; 0 where the row ends before it.
double number_at(const nlohmann::json& row, std::size_t column) {
  return row.is_array() && row.size() > column && row[column].is_number() ? row[column].get<double>() : 0;
}

/// [rank, iteration, op, start_s, end_s], and wait_s and bubble_s where they are not 0.
Interval parse_interval(const nlohmann::json& row, const std::string& path, const TimelineFile& file, JsonProblems& problems) {
  bool good = row.is_array() && row.size() >= 5 && row.size() <= 7;
  for (std::size_t i = 0; good && i < row.size(); ++i) good = i < 3 ? row[i].is_number_unsigned() : row[i].is_number();
  if (!good) {
    problems.add(
        cat(path, ": expected [rank, iteration, op, start_s, end_s, wait_s, bubble_s], found ", json_text(row).substr(0, 60)));
    return {};
  }
  const auto rank = row[0].get<std::uint64_t>(), op = row[2].get<std::uint64_t>();
  if (rank >= file.class_of.size()) {
    problems.add(cat(path, ": rank ", rank, ", expected 0 to ", static_cast<std::int64_t>(file.class_of.size()) - 1));
    return {};
  }
  const std::size_t ops = file.programs.at(static_cast<std::size_t>(file.class_of[rank])).size();
  if (op >= ops) problems.add(cat(path, ": op ", op, " of ", ops));
  if (!(row[4].get<double>() >= row[3].get<double>())) problems.add(cat(path, ": ends before it begins"));
  const double wait_s = number_at(row, 5), bubble_s = number_at(row, 6);
  if (!(wait_s >= 0 && bubble_s >= 0 && wait_s + bubble_s <= row[4].get<double>() - row[3].get<double>()))
    problems.add(cat(path, ": waits for ", wait_s + bubble_s, " s, which is not within what it takes"));
  return {row[0].get<int>(), row[1].get<int>(), row[2].get<int>(), row[3].get<double>(), row[4].get<double>()};
}

void parse_classes(TimelineFile& file, JsonFields& fields, JsonProblems& problems) {
  const nlohmann::json& programs = fields.array("programs");
  for (std::size_t i = 0; i < programs.size(); ++i) {
    if (!programs[i].is_array()) problems.add(cat("programs[", i, "]: expected a list of ops"));
    file.programs.push_back(parse_program(programs[i], cat("programs[", i, "]"), problems));
  }
  for (const std::int64_t number : fields.integers("class_of")) {
    if (number >= static_cast<std::int64_t>(programs.size()))
      problems.add(cat("class_of: ", number, " of ", programs.size(), " programs"));
    file.class_of.push_back(static_cast<int>(number));
  }
}

/// Pairs of a rank and the number of ranks that it stands for.
void parse_representatives(TimelineFile& file, JsonFields& fields) {
  if (!fields.has("representatives")) return;
  const auto ranks = static_cast<int>(file.class_of.size());
  for (const nlohmann::json& row : fields.array("representatives")) {
    const bool whole = row.is_array() && row.size() == 2 && row[0].is_number_unsigned() && row[1].is_number_unsigned() &&
                       row[0].get<std::uint64_t>() < static_cast<std::uint64_t>(ranks) &&
                       row[1].get<std::uint64_t>() <= static_cast<std::uint64_t>(ranks) && row[1].get<int>() > 0;
    if (!whole) return fields.problem("representatives", "expected pairs of a rank and the number of ranks that it stands for");
    file.timeline.representatives.push_back({row[0].get<int>(), row[1].get<int>()});
  }
}

}  // namespace

TimelineFile summarise(const Schedule& schedule, const Timeline& timeline) {
  TimelineFile file{.model = schedule.model,
                    .plan = schedule.plan,
                    .mode = schedule.mode,
                    .global_batch = schedule.global_batch,
                    .class_of = schedule.class_of,
                    .programs = {},
                    .timeline = timeline};
  for (const Program& program : schedule.programs) {
    std::vector<OpSummary>& ops = file.programs.emplace_back();
    for (const Op& op : program.ops) ops.push_back({op.name, op.stream, std::string(to_string(phase_of(op)))});
  }
  const Waits waits(schedule, timeline);
  for (const Interval& interval : timeline.intervals) file.waits.push_back(waits.of(interval));
  return file;
}

std::string to_json(const TimelineFile& file) {
  ordered_json json = {{"model", file.model},
                       {"plan", file.plan},
                       {"mode", file.mode},
                       {"global_batch", file.global_batch},
                       {"class_of", file.class_of},
                       {"programs", ordered_json::array()},
                       {"clock", file.timeline.clock},
                       {"interval_columns", {"rank", "iteration", "op", "start_s", "end_s", "wait_s", "bubble_s"}},
                       {"intervals", ordered_json::array()}};
  for (const std::vector<OpSummary>& program : file.programs) {
    ordered_json ops = ordered_json::array();
    for (const OpSummary& op : program) ops.push_back({{"name", op.name}, {"stream", op.stream}, {"phase", op.phase}});
    json["programs"].push_back(std::move(ops));
  }
  if (!file.timeline.fidelity.empty()) json["fidelity"] = file.timeline.fidelity;
  for (const auto& [rank, ranks] : file.timeline.representatives)
    json["representatives"].push_back(ordered_json::array({rank, ranks}));
  for (const Interval& i : file.timeline.intervals) {
    ordered_json row = ordered_json::array({i.rank, i.iteration, i.op, i.start_s, i.end_s});
    const Wait wait = file.wait_of(i);
    if (wait.both_s() > 0) row.push_back(wait.partners_s);
    if (wait.bubble_s > 0) row.push_back(wait.bubble_s);
    json["intervals"].push_back(std::move(row));
  }
  return json_text(json) + "\n";
}

TimelineFile parse_timeline(const std::string& text, const std::string& file_name) {
  const nlohmann::json json = parse_json(text, file_name);
  JsonProblems problems(file_name);
  JsonFields fields(json, "", problems);
  TimelineFile file;
  file.model = fields.text("model");
  file.plan = fields.text("plan");
  file.mode = fields.text("mode");
  file.global_batch = fields.small_integer("global_batch");
  file.timeline.clock = fields.text("clock");
  if (fields.has("fidelity")) file.timeline.fidelity = fields.text("fidelity");
  parse_classes(file, fields, problems);
  parse_representatives(file, fields);
  fields.array("interval_columns");
  problems.require_none();
  const nlohmann::json& intervals = fields.array("intervals");
  for (std::size_t i = 0; i < intervals.size(); ++i) {
    file.timeline.intervals.push_back(parse_interval(intervals[i], cat("intervals[", i, "]"), file, problems));
    file.waits.push_back({number_at(intervals[i], 5), number_at(intervals[i], 6)});
  }
  fields.require_all_known();
  problems.require_none();
  return file;
}

}  // namespace convoy
