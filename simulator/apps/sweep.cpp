#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <tuple>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "simulator/apps/output.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/apps/simulation.h"
#include "simulator/apps/verbs.h"
#include "simulator/report/memory_report.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

/// An option that is varied, and the words it takes in turn.
struct Axis {
  std::string option;  ///< "ranks"
  std::vector<std::string> words;
};

/// The options that may be varied: those that change what is simulated in one word.
const std::vector<std::string> kMayVary = {"model",  "ranks",      "batch",  "batch-per-rank", "overlap",
                                           "bucket", "all-reduce", "chunks", "precision",      "cluster"};

int whole_number(const std::string& text, const std::string& in) {
  int value = 0;
  const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || rest != text.data() + text.size() || value < 1)
    throw InputError(cat("--vary ", in, ": '", text, "' is not a whole number of 1 or more"));
  return value;
}

/// "2..64:x2" -> 2 4 8 16 32 64, "on,off" -> on off.
std::vector<std::string> words_of(const std::string& text, const std::string& in) {
  std::vector<std::string> words;
  if (const std::size_t dots = text.find(".."); dots != std::string::npos) {
    const std::size_t colon = text.find(":x");
    if (colon == std::string::npos)
      throw InputError(cat("--vary ", in, ": a range is written FIRST..LAST:xFACTOR, for example 2..64:x2"));
    const int first = whole_number(text.substr(0, dots), in);
    const int last = whole_number(text.substr(dots + 2, colon - dots - 2), in);
    const int factor = whole_number(text.substr(colon + 2), in);
    if (factor < 2 || last < first) throw InputError(cat("--vary ", in, ": FIRST must not be above LAST, and FACTOR at least 2"));
    for (std::int64_t value = first; value <= last; value *= factor) words.push_back(cat(value));
    return words;
  }
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
  Axis axis{text.substr(0, equals), words_of(text.substr(equals + 1), text)};
  if (std::find(kMayVary.begin(), kMayVary.end(), axis.option) == kMayVary.end())
    throw_unknown_word("option to vary", axis.option, kMayVary);
  return axis;
}

/// One combination of the values.
struct Point {
  std::vector<std::string> words;  ///< of each axis
  ScheduleChoice choice;
  StepTimes times;
  double efficiency = 0;  ///< of one rank's speed with the same images a rank
  std::int64_t memory_bytes = 0;
  bool fits = true;
};

struct SweepOptions {
  std::vector<std::string> vary;
  std::string csv_file;
  int iterations = 3;
  Output output;
};

class Sweep {
 public:
  Sweep(const SweepOptions& options, std::vector<std::string> fixed, const Session& session)
      : options_(options), fixed_(std::move(fixed)), session_(session) {
    for (const std::string& text : options.vary) axes_.push_back(axis_of(text));
    for (const Axis& axis : axes_)
      for (const std::string& word : fixed_)
        if (word == "--" + axis.option || word.starts_with("--" + axis.option + "="))
          throw InputError(cat(word, " is given and varied; take one away"));
  }

  std::vector<Point> run() {
    std::vector<Point> points;
    std::size_t count = 1;
    for (const Axis& axis : axes_) count *= axis.words.size();
    for (std::size_t i = 0; i < count; ++i) {
      std::vector<std::string> words;
      for (std::size_t rest = i, a = axes_.size(); a-- > 0; rest /= axes_[a].words.size())
        words.insert(words.begin(), axes_[a].words[rest % axes_[a].words.size()]);
      note(fmt::format("simulating {} of {} ...", i + 1, count));
      points.push_back(point(words));
    }
    return points;
  }

  [[nodiscard]] const std::vector<Axis>& axes() const { return axes_; }

 private:
  Point point(const std::vector<std::string>& words) {
    // Every point is parsed like a command line of `simulate`, so that all checks and messages are the same.
    CLI::App line("", "convoy sweep");
    ScheduleOptions schedule;
    MachineOptions machine_options;
    schedule.add_to(line);
    machine_options.add_to(line);
    std::vector<std::string> arguments = fixed_;
    for (std::size_t a = 0; a < axes_.size(); ++a) arguments.insert(arguments.end(), {"--" + axes_[a].option, words[a]});
    if (const std::string unknown = unknown_word(line, arguments); !unknown.empty()) throw InputError(unknown);
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    line.parse(arguments);

    const Machine machine = machine_options.machine();
    const ScheduleChoice choice = schedule.choice();
    const Simulation done = simulate_choice(choice, schedule.mode(), options_.iterations, machine, session_.command);
    Point point{.words = words, .choice = choice, .times = done.times};
    point.memory_bytes = most_memory(done.schedule).memory.arena_bytes;
    point.fits = machine.cluster.device.memory_bytes == 0 || point.memory_bytes <= machine.cluster.device.memory_bytes;
    // Efficiency: how much of the speed of as many separate ranks is left.
    const int images = (choice.global_batch + choice.ranks - 1) / choice.ranks;
    const auto key = std::tuple{machine.cluster.name, choice.model, choice.precision, images};
    if (!alone_s_.contains(key)) alone_s_[key] = one_rank_step_s(choice, schedule.mode(), options_.iterations, machine);
    point.efficiency = alone_s_[key] / done.times.step_time_s;
    return point;
  }

  const SweepOptions& options_;
  std::vector<std::string> fixed_;
  const Session& session_;
  std::vector<Axis> axes_;
  std::map<std::tuple<std::string, std::string, std::string, int>, double> alone_s_;
};

std::string table_of(const std::vector<Axis>& axes, const std::vector<Point>& points) {
  std::vector<Column> columns;
  for (const Axis& axis : axes) columns.push_back({axis.option});
  for (const char* name : {"step", "compute", "exposed\ncommunication", "images/s", "efficiency", "memory\na rank"})
    columns.push_back({name});
  Table table(columns);
  for (const Point& point : points) {
    std::vector<std::string> cells = point.words;
    cells.insert(cells.end(),
                 {format_time(point.times.step_time_s), format_time(point.times.compute_s),
                  format_time(point.times.exposed_communication_s),
                  fmt::format("{:.0f}", point.choice.global_batch / point.times.step_time_s), format_percent(point.efficiency),
                  format_bytes(static_cast<double>(point.memory_bytes)) + (point.fits ? "" : " (too much)")});
    table.add_row(cells);
  }
  return table.to_string();
}

std::string csv_of(const std::vector<Axis>& axes, const std::vector<Point>& points) {
  std::string text;
  for (const Axis& axis : axes) text += axis.option + ",";
  text +=
      "global_batch,step_time_s,compute_s,exposed_communication_s,hidden_communication_s,idle_s,images_per_s,efficiency,memory_"
      "bytes,fits\n";
  for (const Point& point : points) {
    for (const std::string& word : point.words) text += word + ",";
    const StepTimes& t = point.times;
    text += fmt::format("{},{},{},{},{},{},{},{},{},{}\n", point.choice.global_batch, t.step_time_s, t.compute_s,
                        t.exposed_communication_s, t.hidden_communication_s, t.idle_s, point.choice.global_batch / t.step_time_s,
                        point.efficiency, point.memory_bytes, point.fits);
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
    row["efficiency"] = point.efficiency;
    row["memory_bytes"] = point.memory_bytes;
    row["fits"] = point.fits;
    rows.push_back(row);
  }
  return rows;
}

void run(const SweepOptions& options, const std::vector<std::string>& fixed, const Session& session) {
  if (options.vary.empty()) throw InputError("nothing to vary; for example --vary ranks=2..64:x2");
  Sweep sweep(options, fixed, session);
  const std::vector<Point> points = sweep.run();
  options.output.text(table_of(sweep.axes(), points));
  if (!options.csv_file.empty()) {
    write_file_atomically(options.csv_file, csv_of(sweep.axes(), points));
    note("wrote " + options.csv_file);
  }
  nlohmann::ordered_json json;
  json["rows"] = json_of(sweep.axes(), points);
  json["provenance"] = {{"rows", "simulated"}};
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
  verb->add_option("--csv", options->csv_file, "Write the rows as CSV")->type_name("FILE");
  options->output.add_to(*verb);
  verb->allow_extras();
  verb->footer("All other options are those of 'convoy simulate', see its --help.");
  verb->callback([options, verb, &session] { run(*options, verb->remaining(), session); });
}

}  // namespace convoy
