#include "reference/plans/plan.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/io/plan_file.h"
#include "reference/model/zoo.h"
#include "simulator/apps/machine_options.h"
#include "simulator/apps/output.h"
#include "simulator/apps/schedule_options.h"
#include "simulator/apps/verbs.h"
#include "simulator/report/plan_table.h"

namespace convoy {
namespace {

struct PlanOptions {
  ScheduleOptions schedule;
  std::string file;     ///< of write; "": standard output
  std::string cluster;  ///< of show: for which auto chooses; "": not given
  Output output;
};

void list(const PlanOptions& options) {
  options.output.text(plans_table());
  options.output.json(plans_json());
}

void show(const PlanOptions& options) {
  ScheduleChoice choice = options.schedule.choice();
  know_cluster(choice, options.cluster);
  std::vector<AutomaticChoice> choices;
  const Schedule schedule = schedule_for(choice, options.schedule.mode(), &choices);
  const Model model = model_of(choice);
  const Plan plan = plan_of(choice);
  const std::vector<PlanRow> rows = plan_rows(model, plan, schedule);
  options.output.text(plan_table(rows, schedule) + choices_text(choices));
  auto json = plan_json(rows, schedule);
  if (auto pipeline = pipeline_json(model, plan); !pipeline.is_null()) json["pipeline"] = std::move(pipeline);
  if (!choices.empty()) {
    json["choices"] = choices_json(choices);
    json["provenance"]["choices"] = "formula";
  }
  options.output.json(json);
}

/// A plan is for many networks; that it can divide one is checked when one is named.
void write(const PlanOptions& options, const Verb& verb) {
  refuse_typed(verb, {"--mode"}, "in a plan's file, which is for training and evaluating alike; leave it out");
  const ScheduleChoice choice = options.schedule.choice();
  if (verb.get_option_no_throw("--model")->count() > 0 && choice.all_reduce != kAutomatic)
    (void)schedule_for(choice, Mode::train);
  const std::string yaml = to_yaml(plan_of(choice));
  if (options.file.empty()) return options.output.text(yaml);
  write_file_atomically(options.file, yaml);
  note("wrote " + options.file);
}

}  // namespace

void add_plan(Verb& app) {
  Verb* verb = add_verb(app, "plan", "List plans, show where one puts tensors and what it sends, or write it as a file.",
                        {"convoy plan list", "convoy plan show --model vgg16 --plan filter --ranks 4"});
  verb->require_subcommand(1);
  const auto options = std::make_shared<PlanOptions>();

  Verb* list_verb = add_verb(*verb, "list", "List the named plans.", {"convoy plan list"});
  options->output.add_to(*list_verb);
  list_verb->callback([options] { list(*options); });

  const auto showing = std::make_shared<PlanOptions>();
  Verb* show_verb = add_verb(*verb, "show", "Show placements, communication and bytes of every node.",
                             {"convoy plan show --model vgg16 --plan filter --ranks 4 --batch 32",
                              "convoy plan show --model resnet20 --plan my_plan.yaml --json plan.json"});
  showing->schedule.add_to(*show_verb);
  add_cluster_option(*show_verb, showing->cluster);
  showing->output.add_to(*show_verb);
  show_verb->callback([showing] { show(*showing); });

  const auto writing = std::make_shared<PlanOptions>();
  Verb* write_verb = add_verb(*verb, "write", "Write a plan as YAML, to be changed and given to --plan.",
                              {"convoy plan write --plan hybrid --ranks 8 --output plan.yaml"});
  writing->schedule.add_to(*write_verb);
  add_result_file(*write_verb, "--output", writing->file, "Where the plan goes; without it to standard output");
  write_verb->callback([writing, write_verb] { write(*writing, *write_verb); });
}

}  // namespace convoy
