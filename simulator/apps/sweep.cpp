#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <memory>
#include <optional>
#include <set>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "simulator/apps/output.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/apps/simulation.h"
#include "simulator/apps/verbs.h"
#include "simulator/report/memory_report.h"
#include "simulator/report/range.h"
#include "simulator/report/step_report.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

/// An option that is varied, and the words it takes in turn.
struct Axis {
  std::string option;  ///< "ranks"
  std::vector<std::string> words;
};

/// The options that may be varied: those that change what is simulated in one word.
const std::vector<std::string> kMayVary = {"model",      "plan",   "split",     "inside",         "scheme",  "gradients",
                                           "statistics", "ranks",  "batch",     "batch-per-rank", "overlap", "bucket",
                                           "all-reduce", "chunks", "precision", "cluster"};

int whole_number(const std::string& text, const std::string& in) {
  int value = 0;
  const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || rest != text.data() + text.size() || value < 1)
    throw InputError(cat("--vary ", in, ": '", text, "' is not a whole number of 1 or more"));
  return value;
}

/// Options whose values are numbers, so that they can be given as a range.
bool counts(const std::string& option) {
  const std::vector<std::string> numbers = {"ranks", "batch", "batch-per-rank", "split", "chunks", "bucket"};
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

/// One combination of the values.
struct Point {
  std::vector<std::string> words;  ///< of each axis
  ScheduleChoice choice;
  StepTimes times;
  std::string fidelity;              ///< that was used
  std::optional<double> efficiency;  ///< of one rank's speed with the same images a rank
  std::int64_t memory_bytes = 0;
  bool fits = true;
};

struct SweepOptions {
  std::vector<std::string> vary;
  std::string csv_file;
  int iterations = 3;
  ScheduleOptions schedule;  ///< only for their help and their names: every point is parsed again with its own values
  MachineOptions machine;
  Output output;
};

/// What was typed of the options of `simulate`: the same for every point.
using Words = std::vector<std::string>;

Words fixed_words(const CLI::App& verb) {
  const std::vector<std::string> of_sweep = {"--vary", "--iterations", "--csv", "--json"};
  Words words;
  for (const CLI::Option* option : verb.get_options())
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

/// Parses a point like a command line of `simulate`, so that all checks and messages are the same.
Task task_of(const std::vector<Axis>& axes, const Words& values, const Words& fixed, int iterations) {
  CLI::App line("", "convoy sweep");
  ScheduleOptions schedule;
  MachineOptions machine;
  schedule.add_to(line);
  machine.add_to(line);
  Words words = fixed;
  std::string point;
  for (std::size_t a = 0; a < axes.size(); ++a) {
    words.insert(words.end(), {"--" + axes[a].option, values[a]});
    point += cat(a == 0 ? "" : " ", axes[a].option, "=", values[a]);
  }
  std::reverse(words.begin(), words.end());  // as CLI11 wants them
  try {
    line.parse(words);
    return prepare(schedule.choice(), schedule.mode(), iterations, machine.machine());
  } catch (const CLI::ParseError& error) {
    throw InputError(cat("--vary ", point, ": ", error.what()));
  } catch (const InputError& error) {
    throw InputError(cat("--vary ", point, ": ", error.what()));
  }
}

Point simulate_point(const Words& words, const Task& task, const Session& session) {
  const Simulation done = simulate_task(task, session.command);
  const std::int64_t device_bytes = task.machine.cluster.device.memory_bytes;
  Point point{.words = words, .choice = task.choice, .times = done.times, .fidelity = done.timeline.fidelity};
  // Efficiency: how much of the speed of as many separate ranks is left.
  const std::optional<double> alone_s = task.choice.ranks > 1 ? one_rank_step_s(task) : done.times.step_time_s;
  if (alone_s) point.efficiency = scaling_efficiency(*alone_s, done.times.step_time_s);
  point.memory_bytes = most_memory(task.schedule).memory.arena_bytes;
  point.fits = device_bytes == 0 || point.memory_bytes <= device_bytes;
  return point;
}

/// All points are checked before the first is simulated.
std::vector<Point> simulate_points(const std::vector<Axis>& axes, const Words& fixed, int iterations, const Session& session) {
  const std::vector<Words> all = combinations(axes);
  std::vector<Task> tasks;
  std::set<std::string> doubts;
  for (const Words& words : all) {
    tasks.push_back(task_of(axes, words, fixed, iterations));
    for (const std::string& doubt : doubts_about_profile(tasks.back()))
      if (doubts.insert(doubt).second) warn(doubt);
  }
  std::vector<Point> points;
  for (std::size_t i = 0; i < all.size(); ++i) {
    note(fmt::format("simulating {} of {} ...", i + 1, all.size()));
    points.push_back(simulate_point(all[i], tasks[i], session));
  }
  return points;
}

std::string table_of(const std::vector<Axis>& axes, const std::vector<Point>& points) {
  std::vector<Column> columns;
  for (const Axis& axis : axes) columns.push_back({axis.option});
  for (const char* name : {"step", "compute", "exposed\ncommunication", "images/s", "efficiency", "memory\na rank", "fidelity"})
    columns.push_back({name});
  Table table(columns);
  for (const Point& point : points) {
    std::vector<std::string> cells = point.words;
    cells.insert(cells.end(),
                 {format_time(point.times.step_time_s), format_time(point.times.compute_s),
                  format_time(point.times.exposed_communication_s),
                  fmt::format("{:.0f}", point.choice.global_batch / point.times.step_time_s),
                  point.efficiency ? format_percent(*point.efficiency) : "n/a",
                  format_bytes(static_cast<double>(point.memory_bytes)) + (point.fits ? "" : " (too much)"), point.fidelity});
    table.add_row(cells);
  }
  return table.to_string();
}

std::string csv_of(const std::vector<Axis>& axes, const std::vector<Point>& points) {
  std::string text;
  for (const Axis& axis : axes) text += axis.option + ",";
  text +=
      "global_batch,step_time_s,compute_s,exposed_communication_s,hidden_communication_s,idle_s,images_per_s,efficiency,memory_"
      "bytes,fits,fidelity\n";
  for (const Point& point : points) {
    for (const std::string& word : point.words) text += word + ",";
    const StepTimes& t = point.times;
    text +=
        fmt::format("{},{},{},{},{},{},{},{},{},{},{}\n", point.choice.global_batch, t.step_time_s, t.compute_s,
                    t.exposed_communication_s, t.hidden_communication_s, t.idle_s, point.choice.global_batch / t.step_time_s,
                    point.efficiency ? fmt::format("{}", *point.efficiency) : "", point.memory_bytes, point.fits, point.fidelity);
  }
  return text;
}

nlohmann::ordered_json json_of(const std::vector<Axis>& axes, const std::vector<Point>& points) {
  auto rows = nlohmann::ordered_json::array();
  for (const Point& point : points) {
    nlohmann::ordered_json row;
    for (std::size_t a = 0; a < axes.size(); ++a) row[axes[a].option] = point.words[a];
    row["global_batch"] = point.choice.global_batch;
    row["step_time_s"] = point.times.step_time_s;
    row["compute_s"] = point.times.compute_s;
    row["exposed_communication_s"] = point.times.exposed_communication_s;
    row["images_per_s"] = point.choice.global_batch / point.times.step_time_s;
    row["efficiency"] = nullptr;
    if (point.efficiency) row["efficiency"] = *point.efficiency;
    row["memory_bytes"] = point.memory_bytes;
    row["fits"] = point.fits;
    row["fidelity"] = point.fidelity;
    rows.push_back(row);
  }
  return rows;
}

nlohmann::ordered_json provenance_json() {
  return {{"step_time_s", "simulated"},
          {"compute_s", "simulated"},
          {"exposed_communication_s", "simulated"},
          {"images_per_s", "simulated"},
          {"efficiency", "simulated"},
          {"memory_bytes", "formula"},
          {"fits", "formula"}};
}

void run(const SweepOptions& options, const CLI::App& verb, const Session& session) {
  if (options.vary.empty()) throw InputError("nothing to vary; for example --vary ranks=2..64:x2");
  const Words fixed = fixed_words(verb);
  const std::vector<Axis> axes = axes_of(options.vary, fixed);
  const std::vector<Point> points = simulate_points(axes, fixed, options.iterations, session);
  options.output.text(table_of(axes, points));
  if (!options.csv_file.empty()) {
    write_file_atomically(options.csv_file, csv_of(axes, points));
    note("wrote " + options.csv_file);
  }
  nlohmann::ordered_json json;
  json["rows"] = json_of(axes, points);
  json["provenance"] = provenance_json();
  options.output.json(json);
  for (const Point& point : points)
    if (!point.fits) throw LimitError("some of these need more memory than the device has, see the last column");
}

}  // namespace

void add_sweep(CLI::App& app, const Session& session) {
  CLI::App* verb =
      add_verb(app, "sweep", "Simulate every combination of some options: a table, CSV and JSON.",
               {"convoy sweep --model vgg16 --batch-per-rank 32 --cluster dgx-v100 --vary ranks=2..64:x2 --vary overlap=on,off",
                "convoy sweep --model vgg16 --ranks 8 --cluster dgx-a100 --vary bucket=1MiB,25MiB,100MiB --csv buckets.csv"});
  const auto options = std::make_shared<SweepOptions>();
  verb->add_option("--vary", options->vary,
                   "An option and its values: OPTION=A,B,C or OPTION=FIRST..LAST:xFACTOR; may be repeated")
      ->type_name("OPTION=VALUES")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  verb->add_option("--iterations", options->iterations, "Steps to simulate each time; the first is warm-up when there are more")
      ->capture_default_str()
      ->type_name("N");
  add_result_file(*verb, "--csv", options->csv_file, "Write the rows as CSV");
  options->schedule.add_to(*verb);
  options->machine.add_to(*verb);
  options->output.add_to(*verb);
  verb->callback([options, verb, &session] { run(*options, *verb, session); });
}

}  // namespace convoy
