#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "reference/core/error.h"
#include "reference/core/fnv1a.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/io/pipeline_words.h"
#include "reference/io/plan_file.h"
#include "simulator/apps/output.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/apps/simulation.h"
#include "simulator/apps/sweep_results.h"
#include "simulator/apps/verbs.h"
#include "simulator/engine/in_child.h"
#include "simulator/report/memory_report.h"
#include "simulator/report/range.h"
#include "simulator/report/step_report.h"

namespace convoy {
namespace {

/// An option that is varied, and the words it takes in turn.
struct Axis {
  std::string option;  ///< "ranks"
  std::vector<std::string> words;
};

/// The options that may be varied: those that change what is simulated in one word.
const std::vector<std::string> kMayVary = {
    "model",          "plan",           "split",     "inside",   "scheme",        "gradients", "statistics", "ranks",
    "batch",          "batch-per-rank", "overlap",   "bucket",   "all-reduce",    "algorithm", "chunks",     "channels",
    "ranks-per-node", "precision",      "cluster",   "pipeline", "micro-batches", "order",     "stages",     "stages-per-rank",
    "recompute",      "accumulate",     "optimiser", "zero",     "compress",      "keep",      "servers",    "servers-on",
    "server-mode",    "accept",         "bound",     "cost",     "collectives",   "fidelity"};

/// The help of --vary.
std::string vary_help() {
  std::string names;
  for (const std::string& option : kMayVary) names += cat(names.empty() ? "" : ", ", option);
  return cat("An option and its values: OPTION=A,B,C or, of numbers, OPTION=FIRST..LAST:xFACTOR; may be repeated. Options: ",
             names);
}

int whole_number(const std::string& text, const std::string& in) {
  int value = 0;
  const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || rest != text.data() + text.size() || value < 1)
    throw InputError(cat("--vary ", in, ": '", text, "' is not a whole number of 1 or more"));
  return value;
}

/// Options whose values are numbers, so that they can be given as a range.
bool counts(const std::string& option) {
  const std::vector<std::string> numbers = {
      "ranks",    "batch",         "batch-per-rank",  "split",      "chunks", "channels", "ranks-per-node", "bucket",
      "pipeline", "micro-batches", "stages-per-rank", "accumulate", "zero",   "servers",  "accept",         "bound"};
  return std::find(numbers.begin(), numbers.end(), option) != numbers.end();
}

/// "2..64:x2" -> 2 4 8 16 32 64; buckets in bytes.
std::vector<std::string> words_of(const RangeText& range, const std::string& option, const std::string& in) {
  const auto number = [&](const std::string& text) -> std::int64_t {
    return option == "bucket" ? parse_bytes(text) : whole_number(text, in);
  };
  const std::int64_t first = number(range.first);
  const std::int64_t last = number(range.last);
  if (first < 1 || last < first) throw InputError(cat("--vary ", in, ": FIRST must be 1 or more, and not above LAST"));
  std::vector<std::string> words = {cat(first)};
  for (std::int64_t value = first; value <= last / range.factor;) words.push_back(cat(value *= range.factor));
  return words;
}

/// "on,off" -> on off.
std::vector<std::string> words_of(const std::string& text, const std::string& in) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    if (comma == begin) throw InputError(cat("--vary ", in, ": an empty value"));
    words.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return words;
}

Axis axis_of(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos)
    throw InputError(cat("--vary ", text, ": write OPTION=VALUES, for example ranks=2..64:x2 or overlap=on,off"));
  const std::string option = text.substr(0, equals);
  if (std::find(kMayVary.begin(), kMayVary.end(), option) == kMayVary.end())
    throw_unknown_word("option to vary", option, kMayVary);
  const std::string values = text.substr(equals + 1);
  const std::optional<RangeText> range = counts(option) ? parse_range(values) : std::nullopt;
  return {option, range ? words_of(*range, option, text) : words_of(values, text)};
}

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
using Words = std::vector<std::string>;

Words fixed_words(const Verb& verb) {
  const std::vector<std::string> of_sweep = {"--vary", "--iterations", "--csv", "--svg", "--json", "--jobs", "--restart"};
  Words words;
  for (const Option* option : verb.get_options())
    if (option->count() > 0 && std::find(of_sweep.begin(), of_sweep.end(), option->get_name()) == of_sweep.end())
      words.insert(words.end(), {option->get_name(), option->results().back()});
  return words;
}

std::vector<Axis> axes_of(const std::vector<std::string>& vary, const Words& fixed) {
  std::vector<Axis> axes;
  for (const std::string& text : vary) {
    Axis axis = axis_of(text);
    for (const Axis& other : axes)
      if (other.option == axis.option) throw InputError(cat(axis.option, " is varied twice; give all its values in one --vary"));
    if (std::find(fixed.begin(), fixed.end(), "--" + axis.option) != fixed.end())
      throw InputError(cat("--", axis.option, " is given and varied; take one away"));
    axes.push_back(std::move(axis));
  }
  return axes;
}

/// The values of every point, the last option varying fastest.
std::vector<Words> combinations(const std::vector<Axis>& axes) {
  std::vector<Words> all = {{}};
  for (const Axis& axis : axes) {
    std::vector<Words> longer;
    for (const Words& words : all) {
      for (const std::string& word : axis.words) {
        longer.push_back(words);
        longer.back().push_back(word);
      }
    }
    all = std::move(longer);
  }
  return all;
}

/// "ranks=2 overlap=on".
std::string point_name(const std::vector<Axis>& axes, const Words& values) {
  std::string name;
  for (std::size_t a = 0; a < axes.size(); ++a) name += cat(a == 0 ? "" : " ", axes[a].option, "=", values[a]);
  return name;
}

/// Parses a point like a command line of `simulate`, so that all checks and messages are the same.
Task task_of(const std::vector<Axis>& axes, const Words& values, const Words& fixed, int iterations) {
  Verb line("", "convoy sweep");
  ScheduleOptions schedule;
  MachineOptions machine;
  schedule.add_to(line);
  machine.add_to(line);
  machine.add_collectives_to(line);
  Words words = fixed;
  const std::string point = point_name(axes, values);
  for (std::size_t a = 0; a < axes.size(); ++a) words.insert(words.end(), {"--" + axes[a].option, values[a]});
  try {
    line.parse(words);
    const ChosenMachine chosen = machine.machine();
    if (chosen.library) require_library_may_choose(schedule);
    return prepare(schedule.choice(), schedule.mode(), iterations, chosen);
  } catch (const CommandLineError& error) {
    throw InputError(cat("--vary ", point, ": ", error.what()));
  } catch (const InputError& error) {
    throw InputError(cat("--vary ", point, ": ", error.what()));
  }
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
  result.memory_bytes = most_memory(task.schedule).memory.arena_bytes;
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
std::vector<SweepRow> simulate_points(const SweepOptions& options, const std::vector<Axis>& axes, const Words& fixed,
                                      const SweepColumns& columns, std::map<SweepWords, SweepResult> done,
                                      const Session& session) {
  const std::vector<Words> all = combinations(axes);
  std::vector<Words> missing;
  std::vector<Task> tasks;
  std::set<std::string> doubts;
  for (const Words& words : all) {
    Task task = task_of(axes, words, fixed, options.iterations);
    for (const std::string& doubt : doubts_about_profile(task))
      if (doubts.insert(doubt).second) warn(doubt);
    if (done.contains(words)) continue;
    missing.push_back(words);
    tasks.push_back(std::move(task));
  }
  const auto rows = [&] {
    std::vector<SweepRow> there;
    for (const Words& words : all)
      if (const auto found = done.find(words); found != done.end()) there.emplace_back(*found);
    return there;
  };
  SweepProgress progress(all.size() - missing.size(), all.size());
  in_children(
      options.jobs, missing.size(),
      [&](std::size_t i) {
        return sweep_csv(columns, {{missing[i], simulate_point(tasks[i], session)}});
      },
      [&](std::size_t i, const std::string& answer) {
        done.merge(parse_sweep_csv(answer, "a simulation", columns));
        if (!options.csv_file.empty()) write_file_atomically(options.csv_file, sweep_csv(columns, rows()));
        progress.one_more(point_name(axes, missing[i]), done.at(missing[i]));
      });
  return rows();
}

/// Whether the word of an option names a file that is read, and nothing that comes with Convoy.
bool names_file(const std::string& option, const std::string& word) {
  if (option == "model") return word.ends_with(".onnx");
  if (option == "plan") return is_plan_file(word);
  if (option == "order") return is_order_file(word);
  if (option == "cluster") return word.find('/') != std::string::npos || word.ends_with(".yaml");
  return option == "profile";
}

/// Takes down what the files hold that the sweep's words name. What cannot be read is complained of where it is used; a pipe can
/// be read only once.
void put_contents(SweepColumns& columns, const std::vector<Axis>& axes) {
  const auto look = [&](const std::string& option, const std::string& word) {
    std::error_code ignored;
    if (!names_file(option, word) || !std::filesystem::is_regular_file(word, ignored)) return;
    Fnv1a contents;
    contents.add(std::string_view(read_file(word)));
    columns.contents[{option, word}] = contents.digits();
  };
  for (const auto& [option, word] : columns.fixed) look(option, word);
  for (const Axis& axis : axes)
    for (const std::string& word : axis.words) look(axis.option, word);
}

SweepColumns columns_of(const std::vector<Axis>& axes, const Words& fixed) {
  SweepColumns columns;
  for (const Axis& axis : axes) columns.varied.push_back(axis.option);
  for (std::size_t i = 0; i + 1 < fixed.size(); i += 2) columns.fixed.emplace_back(fixed[i].substr(2), fixed[i + 1]);
  return columns;
}

void run(const SweepOptions& options, const Verb& verb, const Session& session) {
  if (options.vary.empty()) throw InputError("nothing to vary; for example --vary ranks=2..64:x2");
  const Words fixed = fixed_words(verb);
  const std::vector<Axis> axes = axes_of(options.vary, fixed);
  if (options.jobs < 1) throw InputError(cat("--jobs is ", options.jobs, "; write 1 or more"));
  SweepColumns columns = columns_of(axes, fixed);
  columns.fixed.emplace_back("iterations", cat(options.iterations));
  if (!options.csv_file.empty()) put_contents(columns, axes);
  std::map<SweepWords, SweepResult> done;
  if (!options.csv_file.empty() && !options.restart && std::filesystem::exists(options.csv_file))
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
  verb->add_option("--vary", options->vary, vary_help())
      ->type_name("OPTION=VALUES")
      ->repeatable();
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
