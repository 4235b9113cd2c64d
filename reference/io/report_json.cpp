// A report as JSON, and back.
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/io/json_fields.h"
#include "reference/io/report.h"
#include "reference/io/schedule_choice_json.h"

namespace convoy {
namespace {

using nlohmann::ordered_json;

/// "load", "forward", ..., in the order of Phase.
std::vector<std::string> phase_names() {
  std::vector<std::string> names;
  for (int i = 0; i < kPhaseCount; ++i) names.emplace_back(to_string(static_cast<Phase>(i)));
  return names;
}

Provenance parse_provenance(JsonFields& fields, const std::string& name) {
  const std::string word = fields.text(name);
  for (const Provenance provenance : {Provenance::measured, Provenance::simulated, Provenance::formula})
    if (word == to_string(provenance)) return provenance;
  fields.problem(name, cat("is '", word, "', expected measured, simulated or formula"));
  return Provenance::formula;
}

ordered_json rank_json(const RankTimes& times) {
  return {{"rank", times.rank},
          {"ranks", times.ranks},
          {"step_s", times.step_s},
          {"compute_s", times.compute_s},
          {"exposed_communication_s", times.exposed_communication_s},
          {"hidden_communication_s", times.hidden_communication_s},
          {"wait_s", times.wait_s},
          {"bubble_s", times.bubble_s}};
}

RankTimes parse_rank(JsonFields fields) {
  const RankTimes times{.rank = fields.small_integer("rank"),
                        .ranks = fields.small_integer("ranks", 1),
                        .step_s = fields.number("step_s"),
                        .compute_s = fields.number("compute_s"),
                        .exposed_communication_s = fields.number("exposed_communication_s"),
                        .hidden_communication_s = fields.number("hidden_communication_s"),
                        .wait_s = fields.number("wait_s"),
                        .bubble_s = fields.number("bubble_s")};
  fields.require_all_known();
  return times;
}

/// What there is of every epoch, with its name in JSON.
constexpr std::array<std::pair<const char*, std::vector<double> RunReport::*>, 5> kPerEpoch = {
    {{"train_loss_per_epoch", &RunReport::train_loss_per_epoch},
     {"test_accuracy_per_epoch", &RunReport::test_accuracy_per_epoch},
     {"train_accuracy_per_epoch", &RunReport::train_accuracy_per_epoch},
     {"test_loss_per_epoch", &RunReport::test_loss_per_epoch},
     {"time_s_per_epoch", &RunReport::time_s_per_epoch}}};

/// Names of the values that came out, as they stand in JSON.
std::vector<std::string> value_names(const RunReport& report) {
  std::vector<std::string> names = {
      "step_time_s", "compute_s",   "exposed_communication_s", "hidden_communication_s", "wait_s", "bubble_s",
      "phases_s",    "images_per_s"};
  if (!report.ranks.empty()) names.emplace_back("ranks");
  if (report.test_accuracy) names.emplace_back("test_accuracy");
  for (const auto& [name, values] : kPerEpoch)
    if (!(report.*values).empty()) names.emplace_back(name);
  if (!report.memory_bytes.empty()) names.emplace_back("memory_bytes");
  if (!report.accuracy_curve.empty()) names.emplace_back("accuracy_curve");
  if (report.serving) names.emplace_back("serving");
  return names;
}

ordered_json point_json(const AccuracyPoint& point) {
  return {{"steps", point.steps},
          {"epochs", point.epochs},
          {"training_time_s", point.time_s},
          {"test_accuracy", point.test_accuracy},
          {"test_loss", point.test_loss}};
}

AccuracyPoint parse_point(JsonFields fields) {
  const AccuracyPoint point{.steps = fields.integer("steps"),
                            .epochs = fields.number("epochs"),
                            .time_s = fields.number("training_time_s"),
                            .test_accuracy = fields.number("test_accuracy"),
                            .test_loss = fields.number("test_loss")};
  fields.require_all_known();
  return point;
}

ordered_json stragglers_json(const Stragglers& stragglers) {
  ordered_json slow = ordered_json::object();
  for (const auto& [rank, factor] : stragglers.slow) slow[std::to_string(rank)] = factor;
  return {{"slow_ranks", slow}, {"jitter_mean", stragglers.jitter}, {"seed", stragglers.seed}};
}

Stragglers parse_stragglers(JsonFields fields) {
  Stragglers stragglers{
      .slow = {}, .jitter = fields.number("jitter_mean"), .seed = static_cast<std::uint64_t>(fields.integer("seed"))};
  JsonFields slow = fields.object("slow_ranks");
  for (const std::string& rank : slow.names()) {
    int number = -1;
    const auto [end, status] = std::from_chars(rank.data(), rank.data() + rank.size(), number);
    if (status != std::errc() || end != rank.data() + rank.size() || number < 0) slow.problem(rank, "is no rank");
    stragglers.slow[number] = slow.number(rank);
  }
  slow.require_all_known();
  fields.require_all_known();
  return stragglers;
}

ordered_json provenance_json(const RunReport& report) {
  ordered_json object = ordered_json::object();
  for (const std::string& name : value_names(report)) {
    const auto found = report.provenance.find(name);
    require(found != report.provenance.end(), "to_json(RunReport)", "no provenance for '", name, "'");
    object[name] = to_string(found->second);
  }
  return object;
}

/// Reads the parts that say what was run.
void parse_setting(RunReport& report, JsonFields& fields) {
  report.version = fields.text("version");
  report.command = fields.text("command");
  report.date = fields.text("date");
  JsonFields host = fields.object("host");
  report.host = {
      .cpu_model = host.text("cpu_model"), .cores = host.small_integer("cores"), .memory_bytes = host.integer("memory_bytes")};
  host.require_all_known();
  report.schedule = parse_schedule_choice(fields.object("schedule"));
  report.mode = fields.text("mode");
  report.clock = fields.text("clock");
  report.data = fields.text("data");
  report.transport = fields.text("transport");
  if (fields.has("collectives")) report.collectives = fields.text("collectives");
  report.threads = fields.small_integer("threads", 1);
  report.seed = static_cast<std::uint64_t>(fields.integer("seed"));
  if (fields.has("stragglers")) report.stragglers = parse_stragglers(fields.object("stragglers"));
}

/// Reads the parts that came out.
void parse_values(RunReport& report, JsonFields& fields) {
  report.steps = fields.small_integer("steps");
  report.step_time_s = fields.number("step_time_s");
  report.compute_s = fields.number("compute_s");
  report.exposed_communication_s = fields.number("exposed_communication_s");
  report.hidden_communication_s = fields.number("hidden_communication_s");
  const bool old = fields.has("idle_s");
  report.bubble_s = fields.number(old ? "idle_s" : "bubble_s");
  if (!old) report.wait_s = fields.number("wait_s");
  JsonFields phases = fields.object("phases_s");
  for (const std::string& phase : phase_names())
    if (phase != to_string(Phase::packing) || phases.has(phase))  // which older reports do not have
      report.phases_s[phase] = phases.number(phase);
  phases.require_all_known();
  report.images_per_s = fields.number("images_per_s");
  if (fields.has("test_accuracy")) report.test_accuracy = fields.number("test_accuracy");
  for (const auto& [name, values] : kPerEpoch)
    if (fields.has(name)) report.*values = fields.numbers(name);
  for (const char* added : {"simulation", "costs", "jitter"})
    (void)fields.has(added);  // of 'convoy simulate', no part of a RunReport
  if (fields.has("memory_bytes")) report.memory_bytes = fields.integers("memory_bytes");
  if (fields.has("serving")) {
    JsonFields serving = fields.object("serving");
    report.serving = {.servers = serving.small_integer("servers"),
                      .pushes = serving.small_integer("pushes"),
                      .updates = serving.small_integer("updates"),
                      .dropped = serving.small_integer("dropped_pushes"),
                      .mean_staleness = serving.number("mean_staleness_updates"),
                      .max_staleness = serving.small_integer("max_staleness_updates"),
                      .max_ahead = serving.small_integer("max_ahead_iterations")};
    serving.require_all_known();
  }
  JsonFields provenance = fields.object("provenance");
  for (const std::string& name : value_names(report)) {
    const bool was_idle = old && (name == "wait_s" || name == "bubble_s");
    report.provenance[name] = parse_provenance(provenance, was_idle ? "idle_s" : name);
  }
  provenance.require_all_known();
}

}  // namespace

std::string to_json(const RunReport& report) {
  ordered_json phases = ordered_json::object();
  for (const std::string& phase : phase_names()) {
    const auto found = report.phases_s.find(phase);
    phases[phase] = found != report.phases_s.end() ? found->second : 0.0;
  }
  ordered_json json = {
      {"version", report.version},
      {"command", report.command},
      {"date", report.date},
      {"host", {{"cpu_model", report.host.cpu_model}, {"cores", report.host.cores}, {"memory_bytes", report.host.memory_bytes}}},
      {"schedule", schedule_json(report.schedule)},
      {"mode", report.mode},
      {"clock", report.clock},
      {"data", report.data},
      {"transport", report.transport},
      {"threads", report.threads},
      {"seed", report.seed},
      {"steps", report.steps},
      {"step_time_s", report.step_time_s},
      {"compute_s", report.compute_s},
      {"exposed_communication_s", report.exposed_communication_s},
      {"hidden_communication_s", report.hidden_communication_s},
      {"wait_s", report.wait_s},
      {"bubble_s", report.bubble_s},
      {"phases_s", phases},
      {"images_per_s", report.images_per_s},
  };
  for (const RankTimes& times : report.ranks) json["ranks"].push_back(rank_json(times));
  if (!report.collectives.empty()) json["collectives"] = report.collectives;
  if (report.test_accuracy) json["test_accuracy"] = *report.test_accuracy;
  for (const auto& [name, values] : kPerEpoch)
    if (!(report.*values).empty()) json[name] = report.*values;
  for (const AccuracyPoint& point : report.accuracy_curve) json["accuracy_curve"].push_back(point_json(point));
  if (!report.memory_bytes.empty()) json["memory_bytes"] = report.memory_bytes;
  if (const std::optional<ServingSummary>& serving = report.serving)
    json["serving"] = {{"servers", serving->servers},
                       {"pushes", serving->pushes},
                       {"updates", serving->updates},
                       {"dropped_pushes", serving->dropped},
                       {"mean_staleness_updates", serving->mean_staleness},
                       {"max_staleness_updates", serving->max_staleness},
                       {"max_ahead_iterations", serving->max_ahead}};
  if (report.stragglers.any()) json["stragglers"] = stragglers_json(report.stragglers);
  json["provenance"] = provenance_json(report);
  return json_text(json, 2) + "\n";
}

RunReport parse_run_report(const std::string& text, const std::string& file_name) {
  const nlohmann::json json = parse_json(text, file_name);
  JsonProblems problems(file_name);
  JsonFields fields(json, "", problems);
  RunReport report;
  parse_setting(report, fields);
  if (fields.has("ranks")) {
    const nlohmann::json& rows = fields.array("ranks");
    for (std::size_t i = 0; i < rows.size(); ++i)
      report.ranks.push_back(parse_rank(JsonFields(rows[i], cat("ranks[", i, "]"), problems)));
  }
  if (fields.has("accuracy_curve")) {
    const nlohmann::json& points = fields.array("accuracy_curve");
    for (std::size_t i = 0; i < points.size(); ++i)
      report.accuracy_curve.push_back(parse_point(JsonFields(points[i], cat("accuracy_curve[", i, "]"), problems)));
  }
  parse_values(report, fields);
  fields.require_all_known();
  if (report.clock != "steady" && report.clock != "simulated" && report.clock != "formula")
    fields.problem("clock", cat("is '", report.clock, "', expected steady, simulated or formula"));
  problems.require_none();
  return report;
}

}  // namespace convoy
