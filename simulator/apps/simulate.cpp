#include <fmt/format.h>

#include <array>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/io/json_fields.h"
#include "reference/io/straggler_options.h"
#include "reference/io/timeline_file.h"
#include "simulator/advise/search.h"
#include "simulator/apps/costs.h"
#include "simulator/apps/output.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/apps/simulation.h"
#include "simulator/apps/verbs.h"
#include "simulator/apps/what_helps.h"
#include "simulator/engine/sharing.h"
#include "simulator/report/chrome_trace.h"
#include "simulator/report/gantt.h"
#include "simulator/report/memory_report.h"
#include "simulator/report/plan_table.h"
#include "simulator/report/step_report.h"
#include "simulator/report/trace_svg.h"

namespace convoy {
namespace {

struct SimulateOptions {
  ScheduleOptions schedule;
  MachineOptions machine;
  Output output;
  int iterations = 3;
  std::string timeline_file;
  std::string trace_file;
  std::string svg_file;
  bool gantt = false;
  bool all_ranks = false;
  StragglerWords stragglers;
  std::int64_t epoch_images = 1'281'167;
  const Verb* verb = nullptr;
};

/// Whether each rank of a step with this many images a rank fits into the memory of a device.
bool fits(ScheduleChoice choice, std::int64_t images_a_rank, Mode mode, std::int64_t device_bytes) {
  const std::int64_t global = images_a_rank * choice.ranks;
  if (global > INT32_MAX) return false;
  choice.global_batch = static_cast<int>(global);
  try {
    return most_memory(schedule_for(choice, mode), device_count(choice)).memory.arena_bytes <= device_bytes;
  } catch (const InputError&) {  // a number of images that the plan cannot divide
    return false;
  }
}

/// The most images a rank that fit; 0 when not even one does. Memory grows with the batch, so halving the range finds it.
std::int64_t most_images_that_fit(const ScheduleChoice& choice, Mode mode, std::int64_t device_bytes) {
  std::int64_t low = 0;
  std::int64_t high = choice.global_batch / choice.ranks + std::int64_t{1};  // does not fit
  while (high - low > 1) {
    const std::int64_t middle = low + (high - low) / 2;
    (fits(choice, middle, mode, device_bytes) ? low : high) = middle;
  }
  return low;
}

/// The smallest known device that has this much memory, as a sentence; "" when none has.
std::string device_that_fits(std::int64_t bytes) {
  const Device* smallest = nullptr;
  for (const Device& device : device_table())
    if (device.memory_bytes >= bytes && (smallest == nullptr || device.memory_bytes < smallest->memory_bytes)) smallest = &device;
  if (smallest == nullptr) return "";
  return fmt::format(" A {} has {}.", smallest->name, format_bytes(static_cast<double>(smallest->memory_bytes)));
}

/// Of nodes of several kinds, the one that is full first.
const Device& device_with_least_memory(const Cluster& cluster) {
  const Device* least = &cluster.device;
  for (const Cluster& nodes : cluster.others)
    if (nodes.device.memory_bytes > 0 && (least->memory_bytes == 0 || nodes.device.memory_bytes < least->memory_bytes))
      least = &nodes.device;
  return *least;
}

/// What to say when a rank needs more memory than its device has.
std::string memory_sentence(const ScheduleChoice& choice, Mode mode, const Device& device, std::int64_t needed_bytes) {
  const std::int64_t images = most_images_that_fit(choice, mode, device.memory_bytes);
  const std::string advice = images > 0 ? fmt::format("--batch-per-rank {} fits.", images)
                                        : fmt::format("It is too small for {}: not even one image a rank fits.", choice.model);
  return fmt::format("a rank needs {} and a {} has {}; the times above are of a device with more memory. {}{}",
                     format_bytes(static_cast<double>(needed_bytes)), device.name,
                     format_bytes(static_cast<double>(device.memory_bytes)), advice, device_that_fits(needed_bytes));
}

nlohmann::ordered_json simulation_json(const StepReport& step, const ChosenMachine& machine, const std::string& fidelity,
                                       const nlohmann::ordered_json& memory) {
  nlohmann::ordered_json json = {{"cluster", machine.cluster.name},
                                 {"fidelity", fidelity},
                                 {"collectives", machine.library ? "library" : "schedule"},
                                 {"cost", cost_json(machine)}};
  json.update(speed_json(step));
  json["provenance"] = {{"scaling_efficiency", "simulated"},
                        {"one_rank_step_time_s", "simulated"},
                        {"lower_bound_s", "formula"},
                        {"memory", "formula"}};
  json["memory"] = memory;
  return json;
}

/// The busiest links, or why there are none.
std::string links_text(const Timeline& timeline) {
  if (timeline.fidelity == "formula") return "\nbusiest links: by formula none is looked at; --fidelity flows says which\n";
  const std::string table = links_table(timeline);
  return table.empty() ? "" : cat("\n", table);
}

/// A formula gives every message its links for itself.
void warn_of_sharing(const Task& task) {
  const std::optional<SharedLink> shared = find_shared_link(task.schedule, task.machine.cluster);
  if (shared)
    warn(
        fmt::format("{} flows of {} share link {}, and a formula takes no notice of that: it is a lower bound, --fidelity flows "
                    "simulates the sharing",
                    shared->flows, shared->op, shared->link));
}

/// In every form that was asked for.
void write_timelines(const SimulateOptions& options, const Schedule& schedule, const Timeline& times) {
  if (options.timeline_file.empty() && options.trace_file.empty() && options.svg_file.empty()) return;
  const TimelineFile timeline = summarise(schedule, times);
  const auto write = [](const std::string& file, const std::function<std::string()>& text) {
    if (file.empty()) return;
    write_file_atomically(file, text());
    note("wrote " + file);
  };
  write(options.timeline_file, [&] { return to_json(timeline); });
  write(options.trace_file, [&] { return chrome_trace(timeline); });
  write(options.svg_file, [&] { return trace_svg(std::array{trace_of(timeline)}); });
}

void run(const SimulateOptions& options, const Session& session) {
  const Mode mode = options.schedule.mode();
  const ChosenMachine machine = options.machine.machine();
  const Device& device = device_with_least_memory(machine.cluster);
  const std::int64_t device_bytes = device.memory_bytes;

  if (machine.library) options.schedule.plan_words().require_library_may_choose();
  Task task = prepare(options.schedule.choice(), mode, options.iterations, machine);
  task.all_ranks = options.all_ranks;
  const ScheduleChoice& choice = task.choice;
  task.stragglers = options.stragglers.stragglers(choice.ranks);
  task.measured_jitter = options.stragglers.measured();
  const Rates& rates = machine.cluster.rates;
  if (!rates.know_power() && !rates.know_price())
    refuse_typed(*options.verb, {"--epoch-images"},
                 cat("on cluster '", machine.cluster.name,
                     "', whose file states no rates of energy or price; add rates (docs/formats.md), "
                     "or leave it out"));
  if (options.epoch_images < 1) throw InputError(cat("--epoch-images is ", options.epoch_images, "; write 1 or more"));
  for (const std::string& doubt : doubts_about_profile(task)) warn(doubt);
  for (const std::string& doubt : doubts_about_sizes(task)) warn(doubt);
  note(fmt::format("simulating {} step{} of {} on {} ...", options.iterations, options.iterations == 1 ? "" : "s",
                   describe(choice), machine.cluster.name));
  const Simulation done = simulate_task(task, session.command);
  StepReport step{.times = done.times,
                  .ranks = choice.ranks,
                  .global_batch = choice.global_batch,
                  .one_rank_step_s = {},
                  .lower_bound_s = {}};
  if (choice.ranks > 1) step.one_rank_step_s = one_rank_step_s(task);
  step.lower_bound_s = lower_bound_s(task);
  const RankWithMostMemory memory = most_memory(task.schedule, device_count(choice));

  const std::string about = machine.cluster.description;
  options.output.text(fmt::format("{}\non {}{}\n{}\n{}\n\n{}\n{}\nwhat binds: {}\n{}\n{}\n{}{}", describe(choice),
                                  machine.cluster.name, about.empty() ? "" : ": " + about, describe_cost(machine),
                                  describe_simulation(machine, done.timeline.fidelity), speed_table(step), step_table(done.times),
                                  what_binds(done.times), what_helps(choice, mode, done.times, machine.library),
                                  ranks_table(done.times), memory_table(task.schedule, memory, device_bytes),
                                  links_text(done.timeline)) +
                      choices_text(task.choices));
  if (done.report.serving) options.output.text(describe(*done.report.serving) + "\n");
  if (task.stragglers.any()) options.output.text(straggler_sentence(task.stragglers));
  if (task.measured_jitter)
    options.output.text(
        fmt::format("\njitter: every rank repeats the profile's measured steps in an order of its own (seed {}); efficiency and "
                    "lower bound are without it\n",
                    task.stragglers.seed));
  const std::optional<Costs> costs = costs_of(task, done.times, options.epoch_images);
  if (costs) options.output.text(cost_table(*costs));
  if (options.gantt) {
    options.output.text("\n");
    options.output.text(gantt(task.schedule, done.timeline,
                              {.iteration = options.iterations - 1, .columns = options.output.columns(), .max_ranks = 8}));
  }
  auto json = ordered_json_or_nothing(to_json(done.report));
  const bool draws = task.stragglers.jitter > 0 || task.measured_jitter;
  json["seed"] = draws ? nlohmann::ordered_json(task.stragglers.seed) : nullptr;
  if (machine.fidelity == Fidelity::formula) warn_of_sharing(task);
  json["simulation"] = simulation_json(step, machine, done.timeline.fidelity, memory_json(task.schedule, memory, device_bytes));
  if (task.measured_jitter) json["jitter"] = "measured";
  if (costs) json["costs"] = costs_json(*costs);
  json["simulation"]["busiest_links"] = links_json(done.timeline);
  json["simulation"]["provenance"]["busiest_links"] = to_string(provenance_of_clock(done.timeline.clock));
  if (auto pipeline = pipeline_json(model_of(choice), plan_of(choice)); !pipeline.is_null())
    json["simulation"]["pipeline"] = std::move(pipeline);
  if (!task.choices.empty()) {
    json["simulation"]["choices"] = choices_json(task.choices);
    json["simulation"]["provenance"]["choices"] = "formula";
  }
  options.output.json(json);
  write_timelines(options, task.schedule, done.timeline);
  if (device_bytes > 0 && memory.memory.arena_bytes > device_bytes)
    throw LimitError(memory_sentence(choice, mode, device, memory.memory.arena_bytes));
}

}  // namespace

void add_simulate(Verb& app, const Session& session) {
  Verb* verb = add_verb(app, "simulate", "Simulate training steps on a cluster: time, communication, memory.",
                        {"convoy simulate --model vgg16 --ranks 64 --batch-per-rank 32 --cluster dgx-v100",
                         "convoy simulate --model lenet5 --ranks 2 --batch 64 --profile profile.json --gantt"});
  const auto options = std::make_shared<SimulateOptions>();
  options->verb = verb;
  options->schedule.add_to(*verb);
  options->machine.add_to(*verb);
  options->machine.add_collectives_to(*verb);
  options->stragglers.add_to(*verb);
  verb->begin_group("The simulation");
  verb->add_option("--iterations", options->iterations,
                   "Steps to simulate, of local SGD rounds; the first is warm-up when there are more")
      ->capture_default_str()
      ->type_name("N");
  verb->add_flag("--all-ranks", options->all_ranks,
                 "Simulate every rank, also where one of a class is known to say what all of them do");
  verb->begin_group(kResultsHeading);
  verb->add_flag("--gantt", options->gantt, "Draw the last step, a line for each rank and stream");
  verb->add_option("--epoch-images", options->epoch_images,
                   "Images of an epoch, for energy and price where the cluster states rates; ImageNet has 1,281,167")
      ->capture_default_str()
      ->type_name("N");
  add_result_file(*verb, "--timeline", options->timeline_file, "Write the start and end of every op as JSON");
  add_result_file(*verb, "--trace", options->trace_file, "Write the same for chrome://tracing and ui.perfetto.dev");
  add_result_file(*verb, "--svg", options->svg_file, "Draw the last step as a picture");
  options->output.add_to(*verb);
  verb->callback([options, &session] { run(*options, session); });
}

}  // namespace convoy
