#include "simulator/report/compare_report.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

/// What is shorter is left over from adding and subtracting times, and no time at all.
constexpr double kNothing_s = 1e-13;

/// What a run was asked to do, in words, and the option that asks for it ("": none does).
struct Setting {
  std::string name;
  std::string option;
  std::string value;
  std::string typed;  ///< behind the option, where that is not `value`
};

std::string compression_words(const Compression& compression) {
  return compression.method == "top_k" ? cat("top_k of ", compression.keep) : compression.method;
}

std::string server_words(const PlanServers& servers) {
  if (servers.count == 0) return "none";
  const char* where = servers.on_hosts ? " on hosts, " : servers.own_ranks ? " on ranks of their own, " : " on workers' ranks, ";
  return cat(servers.count, where, servers.mode,
             servers.accept > 0 ? cat(" of ", servers.accept) : "", servers.bound > 0 ? cat(" by ", servers.bound) : "");
}

std::string straggler_words(const Stragglers& stragglers) {
  if (!stragglers.any()) return "none";
  std::string words = stragglers.jitter > 0 ? cat("jitter of ", stragglers.jitter, ", seed ", stragglers.seed) : "";
  for (const auto& [rank, factor] : stragglers.slow) words += cat(words.empty() ? "" : ", ", "rank ", rank, " by ", factor);
  return words;
}

std::vector<Setting> settings_of(const RunReport& run) {
  const ScheduleChoice& choice = run.schedule;
  return {{"model", "--model", choice.model, ""},
          {"plan", choice.plan_yaml.empty() ? "--plan" : "", choice.plan, ""},
          {"mode", "--mode", run.mode, ""},
          {"ranks", "--ranks", cat(choice.ranks), ""},
          {"global batch", "--batch", cat(choice.global_batch), ""},
          {"overlap", "--overlap", choice.overlap ? "on" : "off", ""},
          {"bucket", "--bucket", cat(choice.bucket_bytes, " bytes"), cat(choice.bucket_bytes)},
          {"all-reduce", "--all-reduce", choice.all_reduce, ""},
          {"chunks", "--chunks", cat(choice.chunks), ""},
          {"precision", "--precision", choice.precision, ""},
          {"split", choice.split > 0 ? "--split" : "", cat(choice.split), ""},
          {"inside", "--inside", choice.inside, ""},
          {"scheme", "--scheme", cat(to_string(choice.scheme)), ""},
          {"pipeline", "", cat("as", to_words(choice.pipeline)), ""},
          {"gradients", choice.gradient_dtype ? "--gradients" : "",
           choice.gradient_dtype ? cat(to_string(*choice.gradient_dtype)) : "as they are", ""},
          {"accumulate", "--accumulate", cat(choice.accumulate), ""},
          {"optimiser", "--optimiser", cat(to_string(choice.optimiser)), ""},
          {"channels", choice.channels > 0 ? "--channels" : "", cat(choice.channels), ""},
          {"ZeRO stage", choice.zero > 0 ? "--zero" : "", cat(choice.zero), ""},
          {"compression", "", compression_words(choice.compression), ""},
          {"local steps", "", choice.local.steps == 0 ? "none" : cat(choice.local.steps, ", momentum ", to_string(choice.local.momentum)), ""},
          {"servers", "", server_words(choice.servers), ""},
          {"stragglers", "", straggler_words(run.stragglers), ""},
          {"statistics", "--statistics", choice.synchronised_statistics ? "synchronised" : "local", ""},
          {"fusion", "--fusion", cat(to_string(choice.fusion)), ""},
          {"layout", "--layout", cat(to_string(choice.layout)), ""},
          {"plan file", "", choice.plan_yaml.empty() ? "none" : choice.plan_yaml, ""}};
}

/// A plan that was read from a file is too long for a sentence.
std::string in_words(const std::string& value) { return value.find('\n') == std::string::npos ? value : "given"; }

/// What to type so that the second run does what the first did: its command with what differs, where no option stands in it
/// already.
std::string remedy(const std::vector<Setting>& wanted, const std::string& command) {
  std::string options;
  for (const Setting& setting : wanted) {
    if (setting.option.empty() || (" " + command + " ").find(" " + setting.option + " ") != std::string::npos ||
        command.find(setting.option + "=") != std::string::npos)
      return "run one of them again with the options of the other";
    options += cat(" ", setting.option, " ", setting.typed.empty() ? setting.value : setting.typed);
  }
  return cat("run the second again with", options, ", that is: '", command, options, "'");
}

void require_same_schedule(const RunReport& a, const RunReport& b) {
  const std::vector<Setting> of_a = settings_of(a), of_b = settings_of(b);
  std::string differences;
  std::vector<Setting> wanted;
  for (std::size_t i = 0; i < of_a.size(); ++i) {
    if (of_a[i].value == of_b[i].value) continue;
    wanted.push_back(of_a[i]);
    const std::string mine = in_words(of_a[i].value), other = in_words(of_b[i].value);
    differences += cat(differences.empty() ? "" : ", ", of_a[i].name, " ", mine, " and ", mine == other ? "another" : other);
  }
  if (differences.empty()) return;
  throw InputError(cat("these runs cannot be compared, they did different things: ", differences, "; ", remedy(wanted, b.command),
                       ", or let 'convoy compare --run RUN.json' simulate the same"));
}

double phase_s(const RunReport& run, Phase phase) {
  const auto found = run.phases_s.find(std::string(to_string(phase)));
  return found == run.phases_s.end() ? 0 : found->second;
}

bool is_measured(const RunReport& run) { return provenance_of_clock(run.clock) == Provenance::measured; }

/// What the two runs are called.
std::pair<std::string, std::string> titles_of(const Comparison& comparison) {
  const std::string first(to_string(provenance_of_clock(comparison.first.clock)));
  const std::string second(to_string(provenance_of_clock(comparison.second.clock)));
  return first == second ? std::pair<std::string, std::string>{"first", "second"} : std::pair{first, second};
}

std::string describe(const RunReport& run) {
  return fmt::format("{} {}{}, {} step{}, {}", to_string(provenance_of_clock(run.clock)), run.transport.empty() ? "" : "on ",
                     run.transport, run.steps, run.steps == 1 ? "" : "s", run.date);
}

}  // namespace

std::optional<double> CompareRow::error() const {
  if (!(first_s > 0)) return std::nullopt;
  return second_s / first_s - 1;
}

Comparison compare(RunReport a, RunReport b) {
  require_same_schedule(a, b);
  if (!is_measured(a) && is_measured(b)) std::swap(a, b);
  Comparison comparison{std::move(a), std::move(b), {}};
  const RunReport& first = comparison.first;
  const RunReport& second = comparison.second;
  const auto row = [&](const std::string& name, double first_s, double second_s, bool always) {
    if (first_s < kNothing_s) first_s = 0;
    if (second_s < kNothing_s) second_s = 0;
    if (always || first_s > 0 || second_s > 0) comparison.rows.push_back({name, first_s, second_s});
  };
  const auto phase = [&](const std::string& name, Phase which) {
    row(name, phase_s(first, which), phase_s(second, which), false);
  };
  row("step", first.step_time_s, second.step_time_s, true);
  phase("load", Phase::load);
  phase("forward", Phase::forward);
  phase("backward", Phase::backward);
  phase("all-reduce", Phase::all_reduce);
  phase("waiting for ranks", Phase::wait);
  phase("other communication", Phase::other_communication);
  phase("packing", Phase::packing);
  phase("update", Phase::update);
  row("compute", first.compute_s, second.compute_s, true);
  row("exposed communication", first.exposed_communication_s, second.exposed_communication_s, true);
  row("hidden communication", first.hidden_communication_s, second.hidden_communication_s, true);
  row("wait", first.wait_s, second.wait_s, true);
  row("bubble", first.bubble_s, second.bubble_s, true);
  return comparison;
}

std::string compare_table(const Comparison& comparison) {
  const auto [first, second] = titles_of(comparison);
  Table table({{"a step", Align::left}, {first}, {second}, {"error"}});
  for (const CompareRow& row : comparison.rows) {
    const std::optional<double> error = row.error();
    table.add_row({row.name, format_time(row.first_s), format_time(row.second_s), error ? format_signed_percent(*error) : "n/a"});
  }
  const ScheduleChoice& choice = comparison.first.schedule;
  return fmt::format("{}, plan {}, {} ranks, global batch {}\n{}: {}\n{}: {}\n\n{}", choice.model, choice.plan, choice.ranks,
                     choice.global_batch, first, describe(comparison.first), second, describe(comparison.second),
                     table.to_string());
}

nlohmann::ordered_json compare_json(const Comparison& comparison) {
  const auto [first, second] = titles_of(comparison);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const CompareRow& row : comparison.rows) {
    nlohmann::ordered_json json = {
        {"name", row.name}, {first + "_s", row.first_s}, {second + "_s", row.second_s}, {"error", nullptr}};
    if (const std::optional<double> error = row.error()) json["error"] = *error;
    rows.push_back(std::move(json));
  }
  nlohmann::ordered_json settings;
  for (const Setting& setting : settings_of(comparison.first)) settings[setting.name] = setting.value;
  return {{"schedule", settings},
          {"first", to_string(provenance_of_clock(comparison.first.clock))},
          {"second", to_string(provenance_of_clock(comparison.second.clock))},
          {"rows", rows},
          {"provenance",
           {{first + "_s", to_string(provenance_of_clock(comparison.first.clock))},
            {second + "_s", to_string(provenance_of_clock(comparison.second.clock))},
            {"error", "formula"}}}};
}

}  // namespace convoy
