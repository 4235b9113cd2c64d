#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/plans/stages.h"
#include "reference/schedule/text.h"
#include "reference/schedule/validate.h"
#include "simulator/apps/machine_options.h"
#include "simulator/apps/output.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/apps/verbs.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

struct ScheduleVerbOptions {
  ScheduleOptions schedule;
  std::string cluster;  ///< for which auto chooses; "": not given
  std::string check_file;
  std::optional<int> rank;
  bool grid = false;
  Output output;
};

std::string regions_text(const Program& program, const std::vector<Region>& regions) {
  std::string text;
  for (const Region& region : regions) {
    const Buffer& buffer = program.buffers.at(static_cast<std::size_t>(region.buffer));
    text += (text.empty() ? "" : ", ") + buffer.name;
    if (region.slice.count != buffer.shape.count()) text += cat("[", region.slice.offset, "..", region.slice.end(), ")");
  }
  return text;
}

std::string ids_text(const std::vector<int>& ids) {
  std::string text;
  for (const int id : ids) text += cat(text.empty() ? "" : " ", id);
  return text;
}

/// How much an op does: FLOPs of a compute op, bytes that a rank puts in or sends of the others.
std::string amount_text(const Schedule& schedule, int rank, const Op& op) {
  const Program& program = schedule.program(rank);
  if (const auto* compute = std::get_if<Compute>(&op.action))
    return compute->work.flops > 0 ? format_flops(compute->work.flops) : "";
  if (const auto* collective = std::get_if<Collective>(&op.action))
    return format_bytes(static_cast<double>(region_bytes(program, collective->region)));
  if (const auto* serve = std::get_if<Serve>(&op.action))
    return format_bytes(static_cast<double>(region_bytes(program, serve->pushes.at(0).region)));
  const auto& exchange = std::get<Exchange>(op.action);
  return exchange.send ? format_bytes(static_cast<double>(region_bytes(program, exchange.send->region))) : "";
}

std::string partners_text(const Schedule& schedule, int rank, const Op& op) {
  if (const auto* collective = std::get_if<Collective>(&op.action)) {
    return fmt::format("{} {}, {} ranks", collective->algorithm, to_string(collective->kind),
                       schedule.mesh.axes.at(static_cast<std::size_t>(collective->axis)).extent);
  }
  if (const auto* serve = std::get_if<Serve>(&op.action))
    return fmt::format("{}, {} workers", serve->rule.mode, serve->rule.workers);
  if (const auto* exchange = std::get_if<Exchange>(&op.action)) {
    std::string text;
    if (exchange->send)
      text = cat("to rank ", schedule.mesh.neighbour(rank, exchange->send->peer.axis, exchange->send->peer.offset));
    if (exchange->recv)
      text += cat(text.empty() ? "" : ", ", "from rank ",
                  schedule.mesh.neighbour(rank, exchange->recv->peer.axis, exchange->recv->peer.offset));
    return text;
  }
  return "";
}

/// The ops of one rank with real peers, for people.
std::string rank_table(const Schedule& schedule, int rank) {
  const Program& program = schedule.program(rank);
  Table table({{"op"},
               {"stream"},
               {"what", Align::left},
               {"after"},
               {"amount"},
               {"with", Align::left},
               {"reads", Align::left},
               {"writes", Align::left}});
  for (std::size_t id = 0; id < program.ops.size(); ++id) {
    const Op& op = program.ops[id];
    const auto [reads, writes] = regions_of(op);
    table.add_row({cat(id), cat(op.stream), op.name, ids_text(op.after), amount_text(schedule, rank, op),
                   partners_text(schedule, rank, op), regions_text(program, reads), regions_text(program, writes)});
  }
  const Slice samples = schedule.samples(rank);
  return fmt::format("rank {} of {}: {} {}, images {} to {} of the global batch of {}\n\n{}", rank, schedule.world_size(),
                     schedule.model, schedule.mode, samples.offset, samples.end() - 1, schedule.global_batch, table.to_string());
}

nlohmann::ordered_json problems_json(const Schedule& schedule, const std::vector<Problem>& problems) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Problem& problem : problems) {
    list.push_back({{"rank", problem.rank},
                    {"op", problem.op},
                    {"rule", problem.rule},
                    {"sentence", problem.sentence},
                    {"text", to_string(schedule, problem)}});
  }
  return list;
}

nlohmann::ordered_json schedule_json(const Schedule& schedule, const std::vector<Problem>& problems) {
  nlohmann::ordered_json classes = nlohmann::ordered_json::array();
  for (std::size_t c = 0; c < schedule.programs.size(); ++c) {
    classes.push_back({{"ranks", std::count(schedule.class_of.begin(), schedule.class_of.end(), static_cast<int>(c))},
                       {"images", schedule.programs[c].batch},
                       {"ops", schedule.programs[c].ops.size()},
                       {"buffers", schedule.programs[c].buffers.size()}});
  }
  return {{"model", schedule.model},
          {"plan", schedule.plan},
          {"mode", schedule.mode},
          {"precision", schedule.precision},
          {"ranks", schedule.world_size()},
          {"global_batch", schedule.global_batch},
          {"classes", classes},
          {"problems", problems_json(schedule, problems)},
          {"text", to_text(schedule)},
          {"provenance", {{"classes", "formula"}, {"problems", "formula"}, {"text", "formula"}}}};
}

/// Throws InputError when there are problems, after they were printed.
void check_file(const ScheduleVerbOptions& options) {
  const std::string file = read_file(options.check_file);
  Schedule schedule;
  try {
    schedule = parse_schedule(file);
  } catch (const InputError& error) {
    throw InputError(cat(options.check_file, ": ", error.what()));
  }
  const std::vector<Problem> problems = validate(schedule);
  std::string text;
  for (const Problem& problem : problems) text += to_string(schedule, problem) + "\n";
  if (problems.empty()) {
    text = fmt::format("{}: valid; {} {} on {} ranks, {} class{}\n", options.check_file, schedule.model, schedule.mode,
                       schedule.world_size(), schedule.programs.size(), schedule.programs.size() == 1 ? "" : "es");
  }
  options.output.text(text);
  options.output.json(schedule_json(schedule, problems));
  if (!problems.empty())
    throw InputError(fmt::format("{} breaks {} rule{}", options.check_file, problems.size(), problems.size() == 1 ? "" : "s"));
}

/// A file that is checked says everything itself.
void require_only_check(const Verb& verb) {
  for (const Option* option : verb.get_options())
    if (option->count() > 0 && option->get_name() != "--check" && option->get_name() != "--json")
      throw InputError(cat(option->get_name(), " changes nothing in a file that --check reads; take one of the two away"));
}

nlohmann::ordered_json grid_json(const PipelineTable& table, const PipelineShape& shape,
                                 const std::vector<std::string>& complaints) {
  const UnitRun run = run_in_units(table, shape);
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (std::size_t rank = 0; rank < table.size(); ++rank) {
    nlohmann::ordered_json row = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < run.slots[rank].size(); ++i)
      row.push_back(
          {{"entry", to_string(table[rank][i], shape)}, {"start", run.slots[rank][i].start}, {"end", run.slots[rank][i].end}});
    rows.push_back(row);
  }
  return {{"ranks", shape.ranks},
          {"stages_per_rank", shape.stages_per_rank},
          {"micro_batches", shape.micro_batches},
          {"rows", rows},
          {"idle_fraction", run.idle_fraction()},
          {"problems", complaints},
          {"provenance", {{"rows", "formula"}, {"idle_fraction", "formula"}, {"problems", "formula"}}}};
}

/// Draws the order of a pipeline in units of time. Throws InputError for one that does not get to its end, after it was drawn.
void draw_grid(const ScheduleVerbOptions& options, const Verb& verb) {
  refuse_typed(verb, {"--rank", "--cluster", "--mode"}, "with --grid, which draws the order of all ranks in units of time; leave it out");
  const PipelineText& typed = options.schedule.plan_words().pipeline();
  OrderFile order;
  std::string name = typed.order;
  if (is_order_file(typed.order)) order = read_order_file(typed.order, typed);
  if (order.complaints.empty()) {
    const Plan plan = plan_of(options.schedule.choice());
    if (pipeline_axis(plan) < 0)
      throw InputError(cat("--grid draws the order of a pipeline, and plan '", plan.name, "' is none; use --plan pipeline"));
    order.shape = pipeline_shape(plan);
    order.table = table_of(plan.pipeline, order.shape.ranks);
    if (name.empty()) name = plan.pipeline.order;
  }
  const UnitRun run = run_in_units(order.table, order.shape);
  std::string text = grid_text(order.table, order.shape);
  for (const std::string& complaint : order.complaints) text += complaint + "\n";
  if (order.complaints.empty()) {
    text += fmt::format("\n{}: {} ranks, {} stage{} each, {} micro-batches; forward through a stage takes 1, backward 2\n", name,
                        order.shape.ranks, order.shape.stages_per_rank, order.shape.stages_per_rank == 1 ? "" : "s",
                        order.shape.micro_batches);
    text += fmt::format("a rank stands idle for {:.1f} % of {} units of time\n", 100 * run.idle_fraction(), run.end);
  }
  options.output.text(text);
  options.output.json(grid_json(order.table, order.shape, order.complaints));
  if (!order.complaints.empty())
    throw InputError(fmt::format("{} has {} fault{}", name, order.complaints.size(), order.complaints.size() == 1 ? "" : "s"));
}

void run(const ScheduleVerbOptions& options, const Verb& verb) {
  if (!options.check_file.empty()) {
    require_only_check(verb);
    return check_file(options);
  }
  if (options.grid) return draw_grid(options, verb);
  ScheduleChoice choice = options.schedule.choice();
  know_cluster(choice, options.cluster);
  const Schedule schedule = schedule_for(choice, options.schedule.mode());
  if (options.rank && (*options.rank < 0 || *options.rank >= schedule.world_size()))
    throw InputError(fmt::format("--rank is {}, expected 0 to {}", *options.rank, schedule.world_size() - 1));
  options.output.text(options.rank ? rank_table(schedule, *options.rank) : to_text(schedule));
  options.output.json(schedule_json(schedule, validate(schedule)));
}

}  // namespace

void add_schedule(Verb& app) {
  Verb* verb =
      add_verb(app, "schedule", "Print what every rank does in a step, or check a schedule in text form.",
               {"convoy schedule --model lenet5 --ranks 2 --batch 64 --rank 0", "convoy schedule --check my_schedule.txt",
                "convoy schedule --grid --plan pipeline --ranks 4 --micro-batches 8 --order 1f1b"});
  const auto options = std::make_shared<ScheduleVerbOptions>();
  verb->begin_group("What is printed");
  verb->add_option("--rank", options->rank, "Print the ops of one rank as a table")->type_name("R");
  verb->add_flag("--grid", options->grid,
                 "Draw the order of a pipeline, ranks side by side and time downwards; --order FILE: with what is wrong in it");
  verb->add_option("--check", options->check_file, "Read a schedule in text form and print every rule it breaks")
      ->type_name("FILE");
  options->schedule.add_to(*verb);
  add_cluster_option(*verb, options->cluster);
  options->output.add_to(*verb);
  verb->callback([options, verb] { run(*options, *verb); });
}

}  // namespace convoy
