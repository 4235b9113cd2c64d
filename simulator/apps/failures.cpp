/// convoy failures: how much of a training run's time is useful when nodes and links fail.
#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/model/model.h"
#include "simulator/apps/costs.h"
#include "simulator/apps/output.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/apps/simulation.h"
#include "simulator/apps/verbs.h"
#include "simulator/faults/energy.h"
#include "simulator/faults/faults.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

struct FailureOptions {
  ScheduleOptions schedule;
  MachineOptions machine;
  Output output;
  std::string node_mtbf = "5000h";
  std::string link_mtbf = "never";
  std::string bandwidth = "2GB/s";
  std::string write;
  std::string restart = "5min";
  std::string interval;
  std::int64_t steps = 0;
  std::int64_t seed = 1;
  int runs = 20;
};

/// What is known before failures are.
struct Job {
  double step_s = 0;
  std::int64_t steps = 0;
  double checkpoint_bytes = 0;
  CheckpointCost cost;
  Fragile fragile;
  double mtbf_s = 0;
  std::uint64_t seed = 1;
  int runs = 1;
};

/// "5min", "36h", "2d" besides what parse_time_s takes.
double parse_duration_s(const std::string& option, const std::string& text) {
  struct Unit {
    const char* name;
    double factor;
  };
  double value = 0;
  const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  const std::string unit(rest, text.data() + text.size());
  for (const Unit& known : {Unit{"min", 60}, Unit{"h", 3600}, Unit{"d", 86400}})
    if (status == std::errc() && unit == known.name && std::isfinite(value) && value >= 0) return value * known.factor;
  try {
    return parse_time_s(text);
  } catch (const InputError&) {
    throw InputError(cat(option, " is '", text, "'; write a number and ms, s, min, h or d, for example 5min"));
  }
}

double parse_mtbf_s(const std::string& option, const std::string& text) {
  if (text == "never") return 0;
  const double mtbf = parse_duration_s(option, text);
  if (!(mtbf > 0)) throw InputError(cat(option, " is ", text, "; write a time above 0, or never"));
  return mtbf;
}

/// Of options that change nothing, one each for what only writing, links, or training have.
void require_they_matter(const FailureOptions& options, const Verb& verb, int nodes) {
  if (!options.write.empty())
    refuse_typed(verb, {"--checkpoint-bandwidth"}, "with --checkpoint-time, which says what writing takes; take one of the two away");
  if (nodes == 1 && options.link_mtbf != "never")
    refuse_typed(verb, {"--link-mtbf"}, "on one node, from which no link leads; use more --ranks, or leave it out");
}

Job job_of(const FailureOptions& options, const Task& task, double step_s) {
  const Cluster& cluster = task.machine.cluster;
  Job job{.step_s = step_s, .seed = static_cast<std::uint64_t>(options.seed), .runs = options.runs};
  if (options.runs < 1 || options.runs > 100'000) throw InputError(cat("--runs is ", options.runs, "; write 1 to 100000"));
  if (options.steps < 0) throw InputError(cat("--steps is ", options.steps, "; write 1 or more"));
  if (options.seed < 0) throw InputError(cat("--seed is ", options.seed, "; write 0 or more"));
  constexpr double kMonth_s = 30 * 86400;
  job.steps = options.steps > 0 ? options.steps : std::max<std::int64_t>(1, std::llround(kMonth_s / step_s));
  // What it takes to go on: weights, momentum of every weight.
  job.checkpoint_bytes = 2.0 * 4 * static_cast<double>(parameter_count(model_of(task.choice)));
  job.cost.write_s = options.write.empty() ? job.checkpoint_bytes / parse_bandwidth_bytes_per_s(options.bandwidth)
                                           : parse_duration_s("--checkpoint-time", options.write);
  if (!(job.cost.write_s > 0 && std::isfinite(job.cost.write_s)))
    throw InputError("a checkpoint takes no time, or for ever; write a --checkpoint-time or --checkpoint-bandwidth above 0");
  job.cost.restart_s = parse_duration_s("--restart", options.restart);
  const int nodes = nodes_of(cluster, device_count(task.choice));
  job.fragile = {.nodes = nodes,
                 .node_mtbf_s = parse_mtbf_s("--node-mtbf", options.node_mtbf),
                 .links = nodes > 1 ? nodes * cluster.nics_per_node : 0,
                 .link_mtbf_s = parse_mtbf_s("--link-mtbf", options.link_mtbf)};
  job.mtbf_s = mtbf_s(job.fragile);
  if (!std::isfinite(job.mtbf_s))
    throw InputError("nothing ever fails; write a --node-mtbf, for example 5000h, or with several nodes a --link-mtbf");
  return job;
}

struct Row {
  std::string name;
  double interval_s = 0;
  std::int64_t every = 1;  ///< steps
  double expected = 0;
  FailingRunTimes sum;  ///< of all runs
  double deviation = 0;  ///< of the goodput of one run from that of all
};

Row row_of(const Job& job, const std::string& name, double interval_s) {
  Row row{.name = name};
  row.every = std::min(job.steps, std::max<std::int64_t>(1, std::llround(interval_s / job.step_s)));
  row.interval_s = static_cast<double>(row.every) * job.step_s;
  row.expected = expected_goodput(row.interval_s, job.cost, job.mtbf_s);
  double squares = 0;
  for (int i = 0; i < job.runs; ++i) {
    const FailingRunTimes run = simulate_failures({.step_s = job.step_s,
                                                   .steps = job.steps,
                                                   .checkpoint_every = row.every,
                                                   .cost = job.cost,
                                                   .fragile = job.fragile,
                                                   .seed = job.seed + static_cast<std::uint64_t>(i)});
    row.sum.time_s += run.time_s;
    row.sum.useful_s += run.useful_s;
    row.sum.checkpoint_s += run.checkpoint_s;
    row.sum.lost_s += run.lost_s;
    row.sum.restart_s += run.restart_s;
    row.sum.node_failures += run.node_failures;
    row.sum.link_failures += run.link_failures;
    squares += (run.goodput() - row.expected) * (run.goodput() - row.expected);
  }
  row.deviation = std::sqrt(squares / job.runs);
  return row;
}

std::vector<Row> rows_of(const FailureOptions& options, const Job& job) {
  const double best_s = best_interval_s(job.cost, job.mtbf_s);
  std::vector<Row> rows;
  if (!options.interval.empty()) rows.push_back(row_of(job, "--interval", parse_duration_s("--interval", options.interval)));
  rows.push_back(row_of(job, "a quarter of the best", best_s / 4));
  rows.push_back(row_of(job, "Young", young_interval_s(job.cost.write_s, job.mtbf_s)));
  rows.push_back(row_of(job, "Daly", daly_interval_s(job.cost.write_s, job.mtbf_s)));
  rows.push_back(row_of(job, "best by formula", best_s));
  rows.push_back(row_of(job, "four times the best", 4 * best_s));
  return rows;
}

std::string table_of(const std::vector<Row>& rows, int runs) {
  Table table({{"interval", Align::left},
               {"a checkpoint\nevery"},
               {"steps"},
               {"goodput\nby formula"},
               {"goodput\nsimulated"},
               {"+-\na run"},
               {"checkpoints"},
               {"lost"},
               {"restarts"},
               {"failures a run\nof nodes"},
               {"\nof links"},
               {"a run\ntakes"}});
  for (const Row& row : rows) {
    const FailingRunTimes& run = row.sum;
    table.add_row({row.name, duration(row.interval_s), cat(row.every), format_percent(row.expected), format_percent(run.goodput()),
                   format_percent(row.deviation), format_percent(run.checkpoint_s / run.time_s), format_percent(run.lost_s / run.time_s),
                   format_percent(run.restart_s / run.time_s),
                   fmt::format("{:.1f}", static_cast<double>(run.node_failures) / runs),
                   fmt::format("{:.1f}", static_cast<double>(run.link_failures) / runs), duration(run.time_s / runs)});
  }
  return table.to_string();
}

nlohmann::ordered_json json_of(const Job& job, const std::vector<Row>& rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Row& row : rows)
    list.push_back({{"name", row.name},
                    {"interval_s", row.interval_s},
                    {"interval_steps", row.every},
                    {"expected_goodput", row.expected},
                    {"goodput", row.sum.goodput()},
                    {"goodput_deviation_of_a_run", row.deviation},
                    {"mean_time_s", row.sum.time_s / job.runs},
                    {"mean_useful_s", row.sum.useful_s / job.runs},
                    {"mean_checkpoint_s", row.sum.checkpoint_s / job.runs},
                    {"mean_lost_s", row.sum.lost_s / job.runs},
                    {"mean_restart_s", row.sum.restart_s / job.runs},
                    {"mean_node_failures", static_cast<double>(row.sum.node_failures) / job.runs},
                    {"mean_link_failures", static_cast<double>(row.sum.link_failures) / job.runs}});
  return {{"seed", job.seed},
          {"runs", job.runs},
          {"step_time_s", job.step_s},
          {"steps", job.steps},
          {"checkpoint_bytes", job.checkpoint_bytes},
          {"checkpoint_write_s", job.cost.write_s},
          {"restart_s", job.cost.restart_s},
          {"nodes", job.fragile.nodes},
          {"links", job.fragile.links},
          {"mtbf_s", job.mtbf_s},
          {"intervals", list},
          {"provenance", {{"step_time_s", "simulated"}, {"expected_goodput", "formula"}, {"goodput", "simulated"}}}};
}

void run(const FailureOptions& options, const Verb& verb, const Session& session) {
  if (options.schedule.mode() == Mode::evaluate)
    throw InputError("failures is about training, which goes on from checkpoints; leave --mode out");
  const ChosenMachine machine = options.machine.machine();
  const Task task = prepare(options.schedule.choice(), Mode::train, 3, machine);
  require_they_matter(options, verb, nodes_of(task.machine.cluster, device_count(task.choice)));
  for (const std::string& doubt : doubts_about_profile(task)) warn(doubt);
  const Job job = job_of(options, task, simulate_task(task, session.command).times.step_time_s);
  const std::vector<Row> rows = rows_of(options, job);
  options.output.text(fmt::format(
      "{}\non {}, {} node{} and {} links between them\n{} steps of {}, {} without failures\na checkpoint of {} takes {}, a restart "
      "{}; something fails every {} in the mean; {} run{} each\n\n{}",
      describe(task.choice), task.machine.cluster.name, job.fragile.nodes, job.fragile.nodes == 1 ? "" : "s", job.fragile.links,
      job.steps, format_time(job.step_s), duration(static_cast<double>(job.steps) * job.step_s), format_bytes(job.checkpoint_bytes),
      format_time(job.cost.write_s), duration(job.cost.restart_s), duration(job.mtbf_s), job.runs, job.runs == 1 ? "" : "s", table_of(rows, job.runs)));
  options.output.json(json_of(job, rows));
}

}  // namespace

void add_failures(Verb& app, const Session& session) {
  Verb* verb = add_verb(
      app, "failures", "Say how much of a run's time is useful when nodes fail and it goes on from checkpoints.",
      {"convoy failures --model resnet50 --ranks 128 --batch-per-rank 32 --cluster dgx-a100 --node-mtbf 2000h",
       "convoy failures --model vgg16 --ranks 64 --cluster dgx-v100 --node-mtbf 500h --link-mtbf 1000h --interval 10min"});
  const auto options = std::make_shared<FailureOptions>();
  verb->begin_group("Failures and checkpoints");
  verb->add_option("--node-mtbf", options->node_mtbf, "Mean time between failures of one node; never: none fails")
      ->capture_default_str()
      ->type_name("TIME");
  verb->add_option("--link-mtbf", options->link_mtbf, "Mean time between failures of one link of a node; never: none fails")
      ->capture_default_str()
      ->type_name("TIME");
  verb->add_option("--checkpoint-bandwidth", options->bandwidth, "At which weights and momentum are written")
      ->capture_default_str()
      ->type_name("RATE");
  verb->add_option("--checkpoint-time", options->write, "What writing a checkpoint takes instead")->type_name("TIME");
  verb->add_option("--restart", options->restart, "From a failure to where the last checkpoint was written")
      ->capture_default_str()
      ->type_name("TIME");
  verb->add_option("--interval", options->interval, "Also show this interval between checkpoints")->type_name("TIME");
  verb->add_option("--steps", options->steps, "Steps of the run [as many as take 30 days]")->type_name("N");
  verb->add_option("--seed", options->seed, "Seed of the failures")->capture_default_str()->type_name("N");
  verb->add_option("--runs", options->runs, "Runs to simulate with each interval, each with failures of its own")
      ->capture_default_str()
      ->type_name("N");
  options->schedule.add_to(*verb);
  options->machine.add_to(*verb);
  options->output.add_to(*verb);
  verb->callback([options, verb, &session] { run(*options, *verb, session); });
}

}  // namespace convoy
