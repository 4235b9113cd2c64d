#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "simulator/apps/output.h"
#include "simulator/apps/ranks.h"
#include "simulator/apps/start.h"
#include "simulator/apps/verbs.h"
#include "simulator/calibrate/fit.h"
#include "simulator/report/collective_report.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

struct CalibrateOptions {
  std::string log_file;
  bool run = false;
  int ranks = 0;
  int nodes = 0;  ///< 0: as the log says, or one
  std::string kind;
  std::string base = "two-core-machine";
  std::string cluster_file;
  std::string transport = "threads";
  Output output;
};

/// Our own ring all-reduce on the ranks of this machine, by convoy-train. Its messages are parts of 1/ranks of the buffer.
BenchLog measured_here(int ranks, const std::string& transport) {
  const Command command =
      command_for({"collective", "--kind", "all_reduce", "--algorithm", "ring", "--ranks", std::to_string(ranks), "--transport",
                   transport, "--from", "1KiB", "--to", "64MiB", "--factor", "2"});
  note(cat("measuring all_reduce of 1 KiB to 64 MiB on ", ranks, " ranks of this machine (", transport, ") ..."));
  const Finished finished = run_and_read(command.program, command.arguments);
  if (finished.exit_code == kExitInput) throw InputError("convoy-train collective refused its options, see above");
  if (finished.exit_code != 0) throw std::runtime_error(cat("convoy-train collective ended with exit code ", finished.exit_code));
  BenchLog log{.file = "convoy-train collective", .tool = "convoy-train", .kind = CollectiveKind::all_reduce, .ranks = ranks};
  for (const CollectiveRow& row : parse_collective_table(finished.output)) {
    if (row.wrong != 0) throw std::runtime_error(cat("convoy-train collective came to wrong sums of ", row.bytes, " bytes"));
    log.points.push_back(
        {static_cast<double>(row.bytes), row.time_s, static_cast<int>(log.points.size()) + 3});  // after two of titles
  }
  if (log.points.empty()) throw std::runtime_error("convoy-train collective printed no table");
  return log;
}

std::string ranges_text(const Fit& fit, CollectiveKind kind, int ranks) {
  Table table({{"sizes", Align::left}, {"points"}, {"start"}, {"a hop"}, {"link"}, {"residual"}});
  for (const FitRange& range : fit.ranges) {
    const bool has_rate = range.s_per_byte > 0;
    const LinkModel link = has_rate ? link_of(range, kind, ranks) : LinkModel{0, 0};
    table.add_row({format_bytes(range.from_bytes) + " to " + format_bytes(range.to_bytes), std::to_string(range.points),
                   format_time(range.start_s), has_rate ? format_time(link.latency_s) : "-",
                   has_rate ? format_bandwidth(link.bandwidth_bytes_per_s) : "-", format_percent(range.rms)});
  }
  return table.to_string();
}

std::string residuals_text(const BenchLog& log, const Fit& fit) {
  Table table({{"size"}, {"measured"}, {"fit"}, {"error"}});
  for (const BenchPoint& point : log.points) {
    const double time_s = fit.time_s(point.bytes);
    table.add_row({format_bytes(point.bytes), format_time(point.time_s), format_time(time_s),
                   format_signed_percent(time_s / point.time_s - 1)});
  }
  return table.to_string();
}

nlohmann::ordered_json calibration_json(const BenchLog& log, const Fit& fit, CollectiveKind kind, int ranks, int nodes) {
  nlohmann::ordered_json json{{"log", log.file}, {"tool", log.tool}, {"collective", to_string(kind)},
                              {"ranks", ranks},  {"nodes", nodes},   {"residual", fit.rms}};
  for (const FitRange& range : fit.ranges)
    json["ranges"].push_back({{"from_bytes", range.from_bytes},
                              {"to_bytes", range.to_bytes},
                              {"start_s", range.start_s},
                              {"s_per_byte", range.s_per_byte},
                              {"residual", range.rms},
                              {"points", range.points}});
  for (const BenchPoint& point : log.points)
    json["points"].push_back({{"bytes", point.bytes}, {"measured_s", point.time_s}, {"fit_s", fit.time_s(point.bytes)}});
  json["provenance"] = {{"measured_s", "measured"}, {"fit_s", "formula"}};
  return json;
}

void run(const CalibrateOptions& options, const Verb& verb) {
  if (options.run == !options.log_file.empty())
    throw InputError(
        "calibrate by what? Give either --nccl-log with the output of nccl-tests or OSU, or --run to measure this machine");
  if (options.run && options.ranks < 2) throw InputError("--run measures messages between ranks; give --ranks with 2 or more");
  if (!options.run && options.transport != "threads")
    throw InputError("--transport says how this machine is measured, so it takes --run");
  if (options.run)
    refuse_typed(verb, {"--kind", "--nodes"}, "with --run, which measures all_reduce on this one node; leave it out");
  const BenchLog log = options.run ? measured_here(options.ranks, options.transport)
                                   : parse_bench_log(read_file(options.log_file), options.log_file);
  const int ranks = options.ranks > 0 ? options.ranks : log.ranks;
  if (ranks < 2) throw InputError(cat(log.file, " does not say how many ranks took part; give --ranks with 2 or more"));
  if (log.ranks > 0 && options.ranks > 0 && log.ranks != options.ranks)
    throw InputError(cat("--ranks says ", options.ranks, ", ", log.file, " lists ", log.ranks));
  if (!log.kind && options.kind.empty())
    throw InputError(cat(log.file, " does not say which collective it timed; give --kind, for example --kind all_reduce"));
  if (options.nodes > 0 && log.nodes > 0 && options.nodes != log.nodes)
    throw InputError(cat("--nodes says ", options.nodes, ", the ranks of ", log.file, " are on ", log.nodes,
                         log.nodes == 1 ? " host" : " hosts"));
  if (options.nodes < 0) throw InputError(cat("--nodes is ", options.nodes, "; write 1 or more"));
  const int nodes = options.nodes > 0 ? options.nodes : std::max(1, log.nodes);
  if (log.kind && !options.kind.empty() && parse_collective_kind(options.kind) != *log.kind)
    throw InputError(cat("--kind says ", options.kind, ", ", log.file, " is of ", to_string(*log.kind), "; leave --kind out"));
  const CollectiveKind kind = options.kind.empty() ? *log.kind : parse_collective_kind(options.kind);
  const Fit fit = fit_times(log);
  Cluster cluster = calibrated(load_cluster(options.base), log, fit, kind, ranks, nodes);
  cluster.name = options.run ? "this-machine" : "calibrated";
  options.output.text(fmt::format("{} of {} ranks on {} node{}, {} sizes, {}\n\n{}\n{}\nresidual {} on average\n",
                                  to_string(kind), ranks, nodes, nodes == 1 ? "" : "s", log.points.size(), log.file,
                                  ranges_text(fit, kind, ranks), residuals_text(log, fit), format_percent(fit.rms)));
  if (!options.cluster_file.empty()) {
    write_file_atomically(options.cluster_file, to_yaml(cluster));
    note("wrote " + options.cluster_file);
  }
  options.output.json(calibration_json(log, fit, kind, ranks, nodes));
}

}  // namespace

void add_calibrate(Verb& app) {
  Verb* verb = add_verb(app, "calibrate", "Fit latency and bandwidth of links to measured collectives, and write a cluster file.",
                        {"convoy calibrate --nccl-log all_reduce_perf.log --cluster dgx-v100 --output mine.yaml",
                         "convoy calibrate --run --ranks 2 --output mine.yaml"});
  const auto options = std::make_shared<CalibrateOptions>();
  verb->add_option("--nccl-log", options->log_file, "Output of nccl-tests (all_reduce_perf ...) or of OSU (osu_allreduce ...)")
      ->type_name("FILE");
  verb->add_flag("--run", options->run, "Measure our own all-reduce on ranks of this machine");
  verb->add_option("--transport", options->transport, "With --run: threads, or mpi for processes")
      ->capture_default_str()
      ->type_name("NAME");
  verb->add_option("--ranks", options->ranks, "Ranks that took part, where the log does not say")->type_name("N");
  verb->add_option("--nodes", options->nodes, "Nodes that they were on [as many hosts as the log lists, else 1]")->type_name("N");
  verb->add_option("--kind", options->kind, "The collective, where the log does not say")->type_name("KIND");
  verb->add_option("--cluster", options->base, "The cluster whose links are replaced; its devices stay")
      ->capture_default_str()
      ->type_name("FILE|NAME");
  add_result_file(*verb, "--output", options->cluster_file, "Write the cluster file");
  options->output.add_to(*verb);
  verb->callback([options, verb] { run(*options, *verb); });
}

}  // namespace convoy
