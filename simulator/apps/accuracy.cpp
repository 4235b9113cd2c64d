/// convoy accuracy: steps to an accuracy, as real runs counted them, times the step that a cluster would take.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/accuracy_curve.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/io/report.h"
#include "simulator/apps/machine_options.h"
#include "simulator/apps/output.h"
#include "simulator/apps/simulation.h"
#include "simulator/apps/verbs.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

struct AccuracyOptions {
  std::vector<std::string> files;
  std::vector<std::string> accuracies = {"80%", "85%"};
  MachineOptions machine;
  int iterations = 8;
  Output output;
};

/// A real run, and its step on the cluster.
struct Row {
  std::string name;  ///< of its file
  RunReport run;
  RunReport simulated;
  std::optional<LinkTraffic> busiest;  ///< over all simulated iterations, of one step of each
};

Row row_of(const std::string& file, const AccuracyOptions& options, const ChosenMachine& machine, const std::string& command) {
  Row row{.name = std::filesystem::path(file).stem().string(),
          .run = parse_run_report(read_file(file), file),
          .simulated = {},
          .busiest = {}};
  if (row.run.accuracy_curve.empty())
    throw InputError(
        cat(file, " says nothing about accuracy; use a report of 'convoy train --evaluate-every 50 --json ", file, "'"));
  Task task = prepare(row.run.schedule, Mode::train, options.iterations, machine);
  task.stragglers = row.run.stragglers;
  const Simulation simulation = simulate_task(task, command);
  row.simulated = simulation.report;
  if (!simulation.timeline.links.empty()) row.busiest = simulation.timeline.links.front();
  if (row.busiest) row.busiest->bytes /= steps_of_iteration(task.schedule);  // a round of local SGD is several steps
  return row;
}

/// "parameter_server async, int8".
std::string plan_words(const ScheduleChoice& choice) {
  std::string words = choice.plan;
  if (choice.plan == "parameter_server") words += " " + choice.servers.mode;
  if (choice.local.steps > 0) words += cat(", ", choice.local.steps, " local steps");
  if (choice.compression.method != "none") words += ", " + choice.compression.method;
  return words;
}

std::string busiest_text(const Row& row, int iterations) {
  return row.busiest ? format_bytes(row.busiest->bytes / iterations) : "not counted";
}

std::string text_of(const std::vector<Row>& rows, const std::vector<double>& accuracies, const AccuracyOptions& options) {
  std::vector<Column> columns = {{"run", Align::left}, {"plan", Align::left}, {"step"}, {"busiest link\na step"}};
  for (const double accuracy : accuracies) {
    columns.push_back({"steps to\n" + accuracy_text(accuracy)});
    columns.push_back({"time to\n" + accuracy_text(accuracy)});
  }
  columns.push_back({"best"});
  Table table(columns);
  for (const Row& row : rows) {
    std::vector<std::string> cells = {row.name, plan_words(row.run.schedule), format_time(row.simulated.step_time_s),
                                      busiest_text(row, options.iterations)};
    for (const double accuracy : accuracies) {
      const AccuracyPoint* point = first_with(row.run.accuracy_curve, accuracy);
      cells.push_back(point != nullptr ? std::to_string(point->steps) : "-");
      cells.push_back(point != nullptr ? format_time(static_cast<double>(point->steps) * row.simulated.step_time_s) : "-");
    }
    cells.push_back(accuracy_text(best_of(row.run.accuracy_curve)->test_accuracy));
    table.add_row(std::move(cells));
  }
  return table.to_string() + "steps: of real runs; step: simulated; time: their product; -: not reached\n";
}

nlohmann::ordered_json json_of(const std::vector<Row>& rows, const std::vector<double>& accuracies,
                               const AccuracyOptions& options) {
  nlohmann::ordered_json json;
  json["runs"] = nlohmann::ordered_json::array();
  for (const Row& row : rows) {
    nlohmann::ordered_json one = {
        {"run", row.name}, {"plan", plan_words(row.run.schedule)}, {"step_time_s", row.simulated.step_time_s}};
    if (row.busiest)
      one["busiest_link"] = {{"name", row.busiest->name}, {"bytes_per_step", row.busiest->bytes / options.iterations}};
    one["best_test_accuracy"] = best_of(row.run.accuracy_curve)->test_accuracy;
    for (const double accuracy : accuracies) {
      nlohmann::ordered_json reached = {
          {"test_accuracy", accuracy}, {"steps", nullptr}, {"epochs", nullptr}, {"time_s", nullptr}};
      if (const AccuracyPoint* point = first_with(row.run.accuracy_curve, accuracy)) {
        reached["steps"] = point->steps;
        reached["epochs"] = point->epochs;
        reached["time_s"] = static_cast<double>(point->steps) * row.simulated.step_time_s;
      }
      one["reached"].push_back(reached);
    }
    json["runs"].push_back(one);
  }
  json["provenance"] = {
      {"step_time_s", "simulated"}, {"bytes_per_step", "simulated"}, {"steps", "measured"}, {"time_s", "simulated"}};
  return json;
}

void run(const AccuracyOptions& options, const Session& session) {
  std::vector<double> accuracies;
  for (const std::string& typed : options.accuracies) accuracies.push_back(parse_accuracy("--accuracy", typed));
  const ChosenMachine machine = options.machine.machine();
  std::vector<Row> rows;
  for (const std::string& file : options.files) rows.push_back(row_of(file, options, machine, session.command));
  options.output.text(text_of(rows, accuracies, options));
  options.output.json(json_of(rows, accuracies, options));
}

}  // namespace

void add_accuracy(Verb& app, const Session& session) {
  Verb* verb =
      add_verb(app, "accuracy", "Time to accuracy: steps that real runs took to it, times the step that a cluster would take.",
               {"convoy train --ranks 4 --plan parameter_server --server-mode async --evaluate-every 50 --json async.json",
                "convoy accuracy async.json sync.json --cluster v100-10gbe --accuracy 80%,85%"});
  const auto options = std::make_shared<AccuracyOptions>();
  verb->add_option("runs", options->files, "Reports of real runs, from 'convoy train --evaluate-every N --json FILE'")
      ->required()
      ->type_name("FILE...");
  verb->add_option("--accuracy", options->accuracies, "Shares of the test images that are to be answered right [80%,85%]")
      ->delimiter(',')
      ->type_name("SHARE,...");
  verb->add_option("--iterations", options->iterations, "Steps to simulate of each; the first is warm-up")
      ->capture_default_str()
      ->type_name("N");
  options->machine.add_to(*verb);
  options->output.add_to(*verb);
  verb->callback([options, &session] { run(*options, session); });
}

}  // namespace convoy
