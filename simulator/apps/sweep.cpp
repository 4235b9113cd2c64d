/// convoy sweep: every combination of some options, simulated.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "simulator/apps/output.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/apps/simulation.h"
#include "simulator/apps/sweep_axes.h"
#include "simulator/apps/sweep_points.h"
#include "simulator/apps/verbs.h"
#include "simulator/engine/in_child.h"
#include "simulator/report/memory_report.h"
#include "simulator/report/step_report.h"

namespace convoy {
namespace {

struct SweepOptions {
  std::vector<std::string> vary;
  std::string csv_file;
  std::string svg_file;
  bool restart = false;
  int jobs = 1;
  int iterations = 3;
  ScheduleOptions schedule;  ///< only for their help and their names: every point is parsed again with its own values
  MachineOptions machine;
  Output output;
};

/// What was typed of the options of `simulate`: the same for every point.
SweepWords fixed_words(const Verb& verb) {
  const std::vector<std::string> of_sweep = {"--vary", "--iterations", "--csv", "--svg", "--json", "--jobs", "--restart"};
  SweepWords words;
  for (const Option* option : verb.get_options())
    if (option->count() > 0 && std::find(of_sweep.begin(), of_sweep.end(), option->get_name()) == of_sweep.end())
      words.insert(words.end(), {option->get_name(), option->results().back()});
  return words;
}

SweepResult simulate_point(const Task& task, const Session& session) {
  const Simulation done = simulate_task(task, session.command);
  const std::int64_t device_bytes = task.machine.cluster.device.memory_bytes;
  SweepResult result{.global_batch = task.choice.global_batch,
                     .step_time_s = done.times.step_time_s,
                     .compute_s = done.times.compute_s,
                     .exposed_communication_s = done.times.exposed_communication_s,
                     .hidden_communication_s = done.times.hidden_communication_s,
                     .wait_s = done.times.wait_s,
                     .bubble_s = done.times.bubble_s,
                     .fidelity = done.timeline.fidelity};
  // Efficiency: how much of the speed of as many separate ranks is left.
  const std::optional<double> alone_s = task.choice.ranks > 1 ? one_rank_step_s(task) : result.step_time_s;
  if (alone_s) result.efficiency = scaling_efficiency(*alone_s, result.step_time_s);
  result.memory_bytes = most_memory(task.schedule, device_count(task.choice)).memory.arena_bytes;
  result.fits = device_bytes == 0 || result.memory_bytes <= device_bytes;
  return result;
}

/// How far a sweep is: one line that is written over on a terminal, a line for every point elsewhere.
class SweepProgress {
 public:
  SweepProgress(std::size_t before, std::size_t all) : before_(before), done_(before), all_(all) {
    if (before > 0) note(fmt::format("{} of {} are there already", before, all));
  }
  void one_more(const std::string& point, const SweepResult& result) {
    ++done_;
    if (isatty(STDERR_FILENO) == 0)
      return note(fmt::format("{} of {}: {}: {}", done_, all_, point, format_time(result.step_time_s)));
    const double spent_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    const double left_s = spent_s / static_cast<double>(done_ - before_) * static_cast<double>(all_ - done_);
    constexpr std::size_t width = 30;
    const std::size_t full = width * done_ / all_;
    std::fputs(fmt::format("\r[{}{}] {} of {}, {} left   {}", std::string(full, '#'), std::string(width - full, ' '), done_, all_,
                           format_time(left_s), done_ == all_ ? "\n" : "")
                   .c_str(),
               stderr);
  }

 private:
  std::size_t before_;
  std::size_t done_;
  std::size_t all_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

/// Simulates what is not in `done` yet, up to `jobs` points at once, each in a process of its own. All points are checked before
/// the first is simulated. The CSV file is whole after every point.
std::vector<SweepRow> simulate_points(const SweepOptions& options, const std::vector<SweepAxis>& axes, const SweepWords& fixed,
                                      const SweepColumns& columns, std::map<SweepWords, SweepResult> done,
                                      const Session& session) {
  std::vector<SweepWords> all;
  std::vector<SweepPoint> missing;
  std::set<std::string> doubts;
  for (SweepPoint& point : points_of(axes, fixed, options.iterations)) {
    for (const std::string& doubt : doubts_about_profile(point.task))
      if (doubts.insert(doubt).second) warn(doubt);
    all.push_back(point.words);
    if (!done.contains(point.words)) missing.push_back(std::move(point));
  }
  const auto rows = [&] {
    std::vector<SweepRow> there;
    for (const SweepWords& words : all)
      if (const auto found = done.find(words); found != done.end()) there.emplace_back(*found);
    return there;
  };
  SweepProgress progress(all.size() - missing.size(), all.size());
  in_children(
      options.jobs, missing.size(),
      [&](std::size_t i) {
        return sweep_csv(columns, {{missing[i].words, simulate_point(missing[i].task, session)}});
      },
      [&](std::size_t i, const std::string& answer) {
        done.merge(parse_sweep_csv(answer, "a simulation", columns));
        if (!options.csv_file.empty()) write_file_atomically(options.csv_file, sweep_csv(columns, rows()));
        progress.one_more(point_name(axes, missing[i].words), done.at(missing[i].words));
      });
  return rows();
}

void run(const SweepOptions& options, const Verb& verb, const Session& session) {
  if (options.vary.empty()) throw InputError("nothing to vary; for example --vary ranks=2..64:x2");
  if (options.csv_file.empty()) refuse_typed(verb, {"--restart"}, "without --csv, the file from which a sweep goes on");
  const SweepWords fixed = fixed_words(verb);
  const std::vector<SweepAxis> axes = axes_of(options.vary, fixed);
  if (options.jobs < 1) throw InputError(cat("--jobs is ", options.jobs, "; write 1 or more"));
  SweepColumns columns = columns_of(axes, fixed);
  columns.fixed.emplace_back("iterations", cat(options.iterations));
  if (!options.csv_file.empty()) put_contents(columns, axes);
  std::map<SweepWords, SweepResult> done;
  if (!options.csv_file.empty() && !options.restart && std::filesystem::is_regular_file(options.csv_file))
    done = parse_sweep_csv(read_file(options.csv_file), options.csv_file, columns);
  const std::vector<SweepRow> rows = simulate_points(options, axes, fixed, columns, std::move(done), session);
  options.output.text(sweep_table(columns, rows));
  if (!options.csv_file.empty()) note("wrote " + options.csv_file);
  if (!options.svg_file.empty()) {
    write_file_atomically(options.svg_file, sweep_svg(columns, rows));
    note("wrote " + options.svg_file);
  }
  options.output.json(sweep_json(columns, rows));
  for (const auto& [words, result] : rows)
    if (!result.fits) throw LimitError("some of these need more memory than the device has, see the last column");
}

}  // namespace

void add_sweep(Verb& app, const Session& session) {
  Verb* verb =
      add_verb(app, "sweep", "Simulate every combination of some options: a table, CSV, JSON and a picture.",
               {"convoy sweep --model vgg16 --batch-per-rank 32 --cluster dgx-v100 --vary ranks=2..64:x2 --vary overlap=on,off",
                "convoy sweep --model vgg16 --ranks 8 --cluster dgx-a100 --vary bucket=1MiB,25MiB,100MiB --csv buckets.csv",
                "convoy sweep --model vgg16 --batch-per-rank 32 --cluster dgx-v100 --vary ranks=1..128:x2 --jobs 2 --csv s.csv "
                "--svg s.svg"});
  const auto options = std::make_shared<SweepOptions>();
  verb->begin_group("The sweep");
  verb->add_option("--vary", options->vary, vary_help())->type_name("OPTION=VALUES")->repeatable();
  verb->add_option("--iterations", options->iterations, "Steps to simulate each time; the first is warm-up when there are more")
      ->capture_default_str()
      ->type_name("N");
  verb->add_option("--jobs", options->jobs, "Simulations at once, each in a process of its own")
      ->capture_default_str()
      ->type_name("N");
  add_result_file(*verb, "--csv", options->csv_file,
                  "Write the rows as CSV, after every simulation; a sweep that was interrupted goes on where the file ends, "
                  "unless a file that it reads has changed");
  verb->add_flag("--restart", options->restart, "Simulate everything again, whatever the CSV file holds");
  add_result_file(*verb, "--svg", options->svg_file, "Draw images a second, efficiency and step time");
  options->schedule.add_to(*verb);
  options->machine.add_to(*verb);
  options->machine.add_collectives_to(*verb);
  options->output.add_to(*verb);
  verb->callback([options, verb, &session] { run(*options, *verb, session); });
}

}  // namespace convoy
