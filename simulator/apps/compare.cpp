#include "simulator/report/compare_report.h"

#include <fmt/format.h>

#include <array>
#include <memory>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/io/json_fields.h"
#include "simulator/apps/output.h"
#include "simulator/apps/simulation.h"
#include "simulator/apps/verbs.h"
#include "simulator/report/trace_compare.h"
#include "simulator/report/trace_svg.h"

namespace convoy {
namespace {

struct CompareOptions {
  std::string first_file;
  std::string second_file;
  std::string run_file;
  MachineOptions machine;
  int iterations = 3;
  Option* iterations_option = nullptr;
  std::string svg_file;
  Output output;
};

/// A simulation has no seed, it draws nothing at random; a RunReport wants a number there.
std::string with_a_seed(const std::string& text) {
  auto json = ordered_json_or_nothing(text);
  if (!json.is_object() || !json.contains("seed") || !json["seed"].is_null()) return text;
  json["seed"] = 0;
  return json_text(json);
}

RunReport read_report(const std::string& file) { return parse_run_report(with_a_seed(read_file(file)), file); }

/// Rule 9: a prediction holds for ranks that share the machine as they did when they were measured.
void warn_when_measured_otherwise(const RunReport& run, const Profile& profile) {
  if (profile.device && run.transport != "cuda")
    warn(fmt::format("the profile was measured on the accelerator {}, the run was not on one", profile.machine));
  if (!profile.device && profile.machine != run.host.cpu_model)
    warn(fmt::format("the profile was measured on {}, the run was on {}", profile.machine, run.host.cpu_model));
  if (profile.threads != run.threads) {
    warn(fmt::format(
        "the profile was measured with {} threads a rank, the run with {}; 'convoy profile --threads {}' measures the same",
        profile.threads, run.threads, run.threads));
  }
  if (profile.concurrent != run.schedule.ranks) {
    warn(fmt::format(
        "the profile was measured with {} ranks at once, the run had {}; 'convoy profile --ranks {}' measures the same",
        profile.concurrent, run.schedule.ranks, run.schedule.ranks));
  }
}

/// Simulates what a run did, as its report says.
RunReport simulate_the_same(const RunReport& run, const CompareOptions& options, const Session& session) {
  const ChosenMachine machine = options.machine.machine();
  if (machine.profile) warn_when_measured_otherwise(run, *machine.profile);
  const Mode mode = run.mode == "evaluate" ? Mode::evaluate : Mode::train;
  Task task = prepare(run.schedule, mode, options.iterations, machine);
  task.stragglers = run.stragglers;
  return simulate_task(task, session.command).report;
}

void require_nothing_to_simulate(const CompareOptions& options) {
  const std::string typed = options.iterations_option->count() > 0 ? "--iterations" : options.machine.typed();
  if (!typed.empty()) throw InputError(cat(typed, " is for --run, which simulates; two reports are compared as they are"));
}

/// Whether a file is a timeline or a Chrome trace, and not a report.
bool is_trace(const std::string& file) {
  const auto json = json_or_nothing(read_file(file));
  return json.is_array() || (json.is_object() && (json.contains("traceEvents") || json.contains("intervals")));
}

/// Two timelines, whoever recorded them.
void compare_traces(const CompareOptions& options) {
  const auto read = [](const std::string& file) { return read_trace(read_file(file), file); };
  const std::array traces = {read(options.first_file), read(options.second_file)};
  options.output.text(trace_compare_table(traces[0], traces[1]));
  auto json = trace_compare_json(traces[0], traces[1]);
  json["provenance"] = {{"rows", "formula"}};
  options.output.json(json);
  if (options.svg_file.empty()) return;
  write_file_atomically(options.svg_file, trace_svg(traces));
  note("wrote " + options.svg_file);
}

void run(const CompareOptions& options, const Session& session) {
  const bool two_files = !options.second_file.empty() && options.run_file.empty();
  const bool one_run = options.first_file.empty() && !options.run_file.empty();
  if (!two_files && !one_run) {
    throw InputError(
        "compare what? Give two reports, 'convoy compare measured.json simulated.json', or one run and a machine, "
        "'convoy compare --run measured.json --profile profile.json'");
  }
  if (two_files) require_nothing_to_simulate(options);
  if (two_files && is_trace(options.first_file)) {
    if (!is_trace(options.second_file))
      throw InputError(cat(options.second_file, " is no timeline, and ", options.first_file, " is one; compare two of a kind"));
    return compare_traces(options);
  }
  if (!options.svg_file.empty())
    throw InputError(
        "--svg draws two timelines, from 'convoy train --timeline', 'convoy simulate --timeline' or PyTorch's profiler; "
        "these are reports");
  const RunReport first = read_report(two_files ? options.first_file : options.run_file);
  const RunReport second = two_files ? read_report(options.second_file) : simulate_the_same(first, options, session);
  const Comparison comparison = compare(first, second);
  options.output.text(compare_table(comparison));
  options.output.json(compare_json(comparison));
}

}  // namespace

void add_compare(Verb& app, const Session& session) {
  Verb* verb =
      add_verb(app, "compare", "Put a measured and a simulated run side by side, with the error of every part.",
               {"convoy compare measured.json simulated.json", "convoy compare --run measured.json --profile profile.json",
                "convoy compare timeline.json pytorch_trace.json --svg both.svg"});
  const auto options = std::make_shared<CompareOptions>();
  verb->add_option(
          "first", options->first_file,
          "A report, from 'convoy train --json' or 'convoy simulate --json'; or a timeline, from their --timeline or from "
          "PyTorch's profiler")
      ->type_name("FILE");
  verb->add_option("second", options->second_file, "What to compare it with: another of the same kind")->type_name("FILE");
  verb->add_option("--run", options->run_file, "A report whose schedule is simulated again")->type_name("FILE");
  options->iterations_option =
      verb->add_option("--iterations", options->iterations, "Steps to simulate; the first is warm-up when there are more");
  options->iterations_option->capture_default_str()->type_name("N");
  options->machine.add_to(*verb);
  verb->begin_group(kResultsHeading);
  add_result_file(*verb, "--svg", options->svg_file, "Draw one step of two timelines, one below the other");
  options->output.add_to(*verb);
  verb->callback([options, &session] { run(*options, session); });
}

}  // namespace convoy
