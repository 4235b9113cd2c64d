#include "simulator/report/compare_report.h"

#include <fmt/format.h>

#include <memory>

#include "reference/core/error.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "simulator/apps/output.h"
#include "simulator/apps/simulation.h"
#include "simulator/apps/verbs.h"

namespace convoy {
namespace {

struct CompareOptions {
  std::vector<std::string> files;
  std::string run_file;
  MachineOptions machine;
  int iterations = 3;
  Output output;
};

RunReport read_report(const std::string& file) { return parse_run_report(read_file(file), file); }

/// Rule 9: a prediction holds for ranks that share the machine as they did when they were measured.
void warn_when_measured_otherwise(const RunReport& run, const Profile& profile) {
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
  const Machine machine = options.machine.machine();
  if (machine.profile) warn_when_measured_otherwise(run, *machine.profile);
  const Mode mode = run.mode == "evaluate" ? Mode::evaluate : Mode::train;
  return simulate_choice(run.schedule, mode, options.iterations, machine, session.command).report;
}

void run(const CompareOptions& options, const Session& session) {
  const bool two_files = options.files.size() == 2 && options.run_file.empty();
  const bool one_run = options.files.empty() && !options.run_file.empty();
  if (!two_files && !one_run) {
    throw InputError(
        "compare what? Give two reports, 'convoy compare measured.json simulated.json', or one run and a machine, "
        "'convoy compare --run measured.json --profile profile.json'");
  }
  const RunReport first = read_report(two_files ? options.files[0] : options.run_file);
  const RunReport second = two_files ? read_report(options.files[1]) : simulate_the_same(first, options, session);
  const Comparison comparison = compare(first, second);
  options.output.text(compare_table(comparison));
  options.output.json(compare_json(comparison));
}

}  // namespace

void add_compare(CLI::App& app, const Session& session) {
  CLI::App* verb =
      add_verb(app, "compare", "Put a measured and a simulated run side by side, with the error of every part.",
               {"convoy compare measured.json simulated.json", "convoy compare --run measured.json --profile profile.json"});
  const auto options = std::make_shared<CompareOptions>();
  verb->add_option("reports", options->files, "Two reports, from 'convoy train --json' and 'convoy simulate --json'")
      ->type_name("FILE")
      ->expected(0, 2);
  verb->add_option("--run", options->run_file, "A report whose schedule is simulated again")->type_name("FILE");
  options->machine.add_to(*verb);
  verb->add_option("--iterations", options->iterations, "Steps to simulate; the first is warm-up when there are more")
      ->capture_default_str()
      ->type_name("N");
  options->output.add_to(*verb);
  verb->callback([options, &session] { run(*options, session); });
}

}  // namespace convoy
