/// convoy advise: which plan to train with on a cluster.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/csv.h"
#include "reference/io/file.h"
#include "simulator/advise/search.h"
#include "simulator/advise/space.h"
#include "simulator/apps/output.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/apps/simulation.h"
#include "simulator/apps/verbs.h"
#include "simulator/report/memory_report.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

struct AdviseOptions {
  ScheduleOptions schedule;
  MachineOptions machine;
  Output output;
  std::vector<std::string> vary;
  std::string csv_file;
  int iterations = 2;
  int show = 10;
};

/// Options of the schedule that this verb chooses by itself.
constexpr std::array kChosen = {"--plan",     "--inside",   "--split", "--accumulate",    "--all-reduce",      "--mode",
                                "--zero",     "--pipeline", "--order", "--micro-batches", "--stages-per-rank", "--stages",
                                "--recompute"};

void refuse_chosen(const Verb& verb) {
  for (const char* option : kChosen)
    if (const Option* found = verb.get_option_no_throw(option); found != nullptr && found->count() > 0)
      throw InputError(cat("advise chooses ", option, " by itself; leave it out, or use convoy simulate or convoy sweep"));
}

Estimate estimate(const Task& task) {
  return {.memory_bytes = most_memory(task.schedule).memory.arena_bytes, .lower_bound_s = lower_bound_s(task)};
}

Evaluators evaluators_of(const AdviseOptions& options, const ChosenMachine& machine, const std::string& command) {
  const auto task_of = [&options, machine](const ScheduleChoice& choice) {
    try {
      return prepare(choice, Mode::train, options.iterations, machine);
    } catch (const std::invalid_argument& error) {
      throw InputError(error.what());
    }
  };
  return {.estimate = [task_of](const ScheduleChoice& choice) { return estimate(task_of(choice)); },
          .simulate = [task_of, command](const ScheduleChoice& choice) { return simulate_task(task_of(choice), command).times; }};
}

/// A command line that does something with a candidate.
std::string command_of(const std::string& verb, const ScheduleChoice& choice, const std::string& rest) {
  return cat("convoy ", verb, " --model ", choice.model, " ", candidate_words(choice), " --ranks ", choice.ranks, " --batch ",
             choice.global_batch, rest);
}

std::string row_table(const SearchResult& result, const std::vector<int>& rows, int batch) {
  Table table({{"", Align::left}, {"step"}, {"images/s"}, {"compute"}, {"exposed"}, {"waiting"}, {"bubble"}, {"memory"}, {"formula"}});
  for (const int i : rows) {
    const Assessed& each = result.all[static_cast<std::size_t>(i)];
    table.add_row({candidate_words(each.choice), format_time(each.times->step_time_s),
                   fmt::format("{:.0f}", batch / each.times->step_time_s), format_time(each.times->compute_s),
                   format_time(each.times->exposed_communication_s), format_time(each.times->wait_s), format_time(each.times->bubble_s),
                   format_bytes(static_cast<double>(each.estimate.memory_bytes)), format_time(each.estimate.lower_bound_s)});
  }
  return table.to_string();
}

/// Those that do not fit or cannot be made: the commonest reasons.
std::string dropped_text(const SearchResult& result, std::int64_t device_bytes) {
  std::string text;
  const Assessed* nearest = nullptr;
  std::map<std::string, int> reasons;
  for (const Assessed& each : result.all) {
    if (!each.refused.empty()) ++reasons[each.choice.plan + (each.choice.plan == "hybrid" ? " with " + each.choice.inside : "")];
    if (each.refused.empty() && !each.fits && (nearest == nullptr || each.estimate.memory_bytes < nearest->estimate.memory_bytes))
      nearest = &each;
  }
  if (nearest != nullptr)
    text += fmt::format("{} need more memory than the {} of a device; the nearest is {} with {}\n", result.too_large,
                        format_bytes(static_cast<double>(device_bytes)), candidate_words(nearest->choice),
                        format_bytes(static_cast<double>(nearest->estimate.memory_bytes)));
  for (const auto& [plan, count] : reasons) {
    const auto example = std::find_if(result.all.begin(), result.all.end(), [&](const Assessed& each) {
      return !each.refused.empty() && each.choice.plan + (each.choice.plan == "hybrid" ? " with " + each.choice.inside : "") == plan;
    });
    text += fmt::format("{} of plan {} cannot be made, for example {}: {}\n", count, plan, candidate_words(example->choice),
                        example->refused);
  }
  return text;
}

std::string losers_text(const SearchResult& result, int show) {
  const Assessed& best = result.all[static_cast<std::size_t>(result.by_time.front())];
  std::string text;
  for (std::size_t i = 1; i < result.by_time.size() && i < static_cast<std::size_t>(show); ++i) {
    const Assessed& other = result.all[static_cast<std::size_t>(result.by_time[i])];
    const std::string why = why_slower(*best.times, *other.times);
    text += fmt::format("  {}: {} slower{}{}\n", candidate_words(other.choice),
                        format_percent(other.times->step_time_s / best.times->step_time_s - 1), why.empty() ? "" : ", ", why);
  }
  return text;
}

nlohmann::ordered_json candidate_json(const Assessed& each) {
  nlohmann::ordered_json json = {{"words", candidate_words(each.choice)},
                                 {"plan", each.choice.plan},
                                 {"accumulate", each.choice.accumulate},
                                 {"all_reduce", each.choice.all_reduce}};
  if (!each.refused.empty()) {
    json["refused"] = each.refused;
    return json;
  }
  json["memory_bytes"] = each.estimate.memory_bytes;
  json["fits"] = each.fits;
  json["lower_bound_s"] = each.estimate.lower_bound_s;
  json["step_time_s"] = nullptr;
  if (each.times)
    json.update({{"step_time_s", each.times->step_time_s},
                 {"compute_s", each.times->compute_s},
                 {"exposed_communication_s", each.times->exposed_communication_s},
                 {"wait_s", each.times->wait_s},
                 {"bubble_s", each.times->bubble_s},
                 {"on_front", each.on_front}});
  return json;
}

nlohmann::ordered_json json_of(const SearchResult& result, const std::string& simulate_command, const std::string& train_command) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array(), front = list;
  for (const Assessed& each : result.all) list.push_back(candidate_json(each));
  for (const int i : result.front) front.push_back(candidate_words(result.all[static_cast<std::size_t>(i)].choice));
  const Assessed& best = result.all[static_cast<std::size_t>(result.by_time.front())];
  return {{"best", candidate_json(best)},
          {"binds", what_binds(*best.times)},
          {"simulate", simulate_command},
          {"train", train_command},
          {"front", front},
          {"counts",
           {{"candidates", result.all.size()},
            {"refused", result.refused},
            {"too_large", result.too_large},
            {"beaten_by_formula", result.beaten},
            {"simulated", result.by_time.size()}}},
          {"candidates", list},
          {"provenance", {{"step_time_s", "simulated"}, {"lower_bound_s", "formula"}, {"memory_bytes", "formula"}}}};
}

std::string csv_of(const SearchResult& result) {
  std::string csv = "candidate,memory_bytes,fits,lower_bound_s,step_time_s,on_front,refused\n";
  for (const Assessed& each : result.all) {
    std::string refused = each.refused;
    std::replace(refused.begin(), refused.end(), '"', '\'');
    csv += fmt::format("{},{},{},{},{},{},\"{}\"\n", candidate_words(each.choice),
                       each.refused.empty() ? cat(each.estimate.memory_bytes) : "", each.refused.empty() ? (each.fits ? "1" : "0") : "",
                       each.refused.empty() ? fmt::format("{:.9g}", each.estimate.lower_bound_s) : "",
                       each.times ? fmt::format("{:.9g}", each.times->step_time_s) : "", each.on_front ? 1 : 0, refused);
  }
  return csv;
}

/// Refuses a dimension that was asked for and has one value only in the plan that the search begins with.
void require_they_vary(const std::vector<Dimension>& typed, const ScheduleChoice& fixed) {
  if (std::ranges::any_of(typed, [](const Dimension& each) { return each.name == "plan"; })) return;
  ScheduleChoice more_images = fixed;
  more_images.global_batch = 2 * fixed.ranks;
  for (const Dimension& each : typed) {
    if (candidates(fixed, {&each, 1}).size() > 1) continue;
    const std::string words = cat("--vary ", each.name, " (", each.sentence, ")");
    if (candidates(more_images, {&each, 1}).size() > 1)
      throw InputError(cat(words, " has one value for ", fixed.global_batch, " images a step on ", fixed.ranks,
                           " ranks; write --batch ", more_images.global_batch, " or more"));
    throw InputError(cat(words, " changes nothing in plan ", fixed.plan, "; try plans too: --vary plan,", each.name));
  }
}

void run(const AdviseOptions& options, const Verb& verb, const Session& session) {
  refuse_chosen(verb);
  if (options.iterations < 1) throw InputError(cat("--iterations is ", options.iterations, "; write 1 or more"));
  if (options.show < 1) throw InputError(cat("--show is ", options.show, "; write 1 or more"));
  const std::vector<Dimension> varied = dimensions_named(options.vary);
  const ScheduleChoice fixed = options.schedule.choice();
  if (!options.vary.empty()) require_they_vary(varied, fixed);
  const ChosenMachine machine = options.machine.machine();
  const std::int64_t device_bytes = machine.cluster.device.memory_bytes;
  require_ranks(for_ranks(machine.cluster, fixed.ranks), fixed.ranks);
  std::vector<ScheduleChoice> all = candidates(fixed, varied);
  note(fmt::format("{} plan{} of {} with {} images a step on {} ranks of {} ...", all.size(), all.size() == 1 ? "" : "s",
                   fixed.model, fixed.global_batch, fixed.ranks, machine.cluster.name));
  const SearchResult result =
      search(std::move(all), device_bytes, evaluators_of(options, machine, session.command), [](const std::string& how) { note(how); });
  const std::string dropped = dropped_text(result, device_bytes);
  if (result.by_time.empty())
    throw LimitError(cat("no plan is left: ", result.refused, " cannot be made, ", result.too_large,
                         " need more memory than a device has\n", dropped, "Use more ranks, a smaller batch or larger devices."));
  const Assessed& best = result.all[static_cast<std::size_t>(result.by_time.front())];
  const std::string cluster_words = options.machine.words();
  const std::string simulate_command = command_of("simulate", best.choice, cluster_words);
  const std::string train_command = command_of("train", best.choice, "");
  std::vector<int> shown(result.by_time.begin(),
                         result.by_time.begin() + std::min<std::ptrdiff_t>(options.show, std::ssize(result.by_time)));
  options.output.text(fmt::format(
      "{} plan{}: {} cannot be made, {} do not fit into memory, {} are slower by formula than one that was simulated, {} were "
      "simulated\n\nthe fastest:\n{}\nnothing is both faster and smaller than one of these:\n{}\nwhat binds the best: {}\n",
      result.all.size(), result.all.size() == 1 ? "" : "s", result.refused, result.too_large, result.beaten,
      result.by_time.size(), row_table(result, shown, fixed.global_batch), row_table(result, result.front, fixed.global_batch),
      what_binds(*best.times)));
  if (result.by_time.size() > 1) options.output.text("why the next ones lose:\n" + losers_text(result, options.show));
  if (!dropped.empty()) options.output.text("\n" + dropped);
  options.output.text(fmt::format("\n{}\n{}\n{}\n", describe_cost(machine), simulate_command, train_command));
  if (!options.csv_file.empty()) {
    write_file_atomically(options.csv_file, csv_of(result));
    note("wrote " + options.csv_file);
  }
  options.output.json(json_of(result, simulate_command, train_command));
}

}  // namespace

void add_advise(Verb& app, const Session& session) {
  Verb* verb = add_verb(app, "advise", "Find the fastest plan that fits into memory, and say why it is.",
                            {"convoy advise --model vgg16 --ranks 8 --batch 256 --cluster dgx-v100 --cost kernels",
                             "convoy advise --model resnet50 --ranks 16 --batch 512 --cluster dgx-a100 --vary plan,accumulate"});
  const auto options = std::make_shared<AdviseOptions>();
  verb->begin_group("The search");
  std::string help = "Try only these dimensions:";
  for (const Dimension& dimension : dimensions()) help += cat(" ", dimension.name, " (", dimension.sentence, ");");
  help.back() = ' ';
  verb->add_option("--vary", options->vary, help + "[all]")->type_name("NAME,...")->delimiter(',');
  verb->add_option("--iterations", options->iterations, "Steps to simulate each time; the first is warm-up when there are more")
      ->capture_default_str()
      ->type_name("N");
  verb->add_option("--show", options->show, "How many of the fastest to show")->capture_default_str()->type_name("N");
  options->schedule.add_to(*verb);
  for (const char* option : kChosen) verb->hide(option);
  options->machine.add_to(*verb);
  verb->begin_group(kResultsHeading);
  add_result_file(*verb, "--csv", options->csv_file, "Write all candidates as CSV");
  options->output.add_to(*verb);
  verb->callback([options, verb, &session] { run(*options, *verb, session); });
}

}  // namespace convoy
