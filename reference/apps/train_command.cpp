#include <fmt/format.h>

#include <memory>
#include <optional>

#include "reference/apps/commands.h"
#include "reference/apps/cuda.h"
#include "reference/apps/progress.h"
#include "reference/apps/train_options.h"
#include "reference/apps/train_output.h"
#include "reference/data/image_folder.h"
#include "reference/data/open.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/io/model_file.h"
#include "reference/io/timeline_file.h"
#include "reference/io/weights_file.h"
#include "reference/train/checkpoint.h"
#include "reference/train/epochs.h"
#include "reference/train/trainer.h"

namespace convoy {
namespace {

InputFacts facts_of(const Dataset& data) {
  return {.class_names = data.class_names,
          .mean = data.mean,
          .deviation = data.deviation,
          .picture_side = data.pictures ? picture_side(data.image) : 0};
}

/// What is made of the options before anything runs.
struct Prepared {
  ScheduleChoice choice;
  Plan plan;
  Model model;
  TrainSettings settings;
  TrainingData data;
  Transport transport;
};

Prepared prepare(const TrainOptions& options, const Session& session) {
  check_options(options);
  const bool cuda = is_cuda(options.backend);
  if (session.is_root()) {
    for (const std::string* path :
         {&options.json, &options.timeline, &options.save, &options.csv, &options.curve, &options.checkpoint}) {
      require_writable(*path);
      if (!path->empty() && *path != "-") remove_unfinished(*path);
    }
  }
  TransportOptions ranks = ranks_of(options.plan.plan, options.plan.ranks);
  if (cuda) prepare_cuda(options.plan.plan, ranks);
  ScheduleChoice choice = choice_of(options.plan, checked_ranks(ranks, session));
  require_they_matter(options, choice);
  if (cuda) {
    choice.fusion = Fusion::off;
    choice.layout = ActivationLayout::nchw;
  }
  Transport transport = cuda ? device_transport(use_cuda()) : session.transport(ranks);
  know_machine(choice, transport.topology);
  const Plan plan = plan_of(choice);
  Model model = model_of(choice);
  if (options.label_smoothing)
    for (Node& node : model.nodes)
      if (auto* loss = std::get_if<SoftmaxCrossEntropy>(&node.layer)) loss->label_smoothing = *options.label_smoothing;
  session.announce(model, choice.precision);
  TrainSettings settings = settings_of(options, plan.mesh.world_size());
  if (cuda) settings.device = &use_cuda();
  if (!options.load.empty())
    settings.start = read_weights_file(options.load, model);
  else
    settings.start = load_model(choice.model).values;  // of a file: what it came with
  if (!options.resume.empty()) settings.resume = read_checkpoint(options.resume, model);
  TrainingData data = open_data({.source = options.data,
                                 .image = model.image,
                                 .classes = model.classes,
                                 .model = model.name,
                                 .synthetic_count = options.samples.value_or(0),
                                 .seed = settings.seed});
  require_trainable(plan, data);
  return {choice, plan, model, settings, std::move(data), std::move(transport)};
}

void print_result(const TrainOptions& options, const Prepared& made, const TrainResult& result, const std::string& command) {
  std::FILE* out = table_stream(options.json);
  if (!result.epochs.empty()) print_epochs(out, result);
  print_waiting(out, options, result);
  if (result.diverged.empty()) print_milestones(out, options, result.curve);
  if (!result.diverged.empty()) throw LimitError(result.diverged);
  const RunReport report = report_of(options, made.choice, result, command);
  const bool trained = result.times.iterations > 0;
  if (trained) print_step(out, report);
  if (trained && made.plan.all_reduce == kAutomatic) print_choices(out, made.model, made.plan);
  if (!trained) fmt::print(out, "\nno full step was left to train, so none was timed\n");
  if (!options.save.empty())
    write_weights_file(options.save, made.model, {.values = result.values, .metadata = to_metadata(facts_of(made.data.train))});
  write_json(options.json, to_json(report));
  if (trained && !options.timeline.empty())
    write_file_atomically(options.timeline, to_json(summarise(result.schedule, result.timeline)));
}

/// What is written while training goes on.
void add_outputs(const TrainOptions& options, Prepared& made) {
  if (!options.checkpoint.empty())
    made.settings.on_checkpoint = [&options, &made](const Checkpoint& checkpoint) {
      write_checkpoint(options.checkpoint, made.model, checkpoint, facts_of(made.data.train), dtype_of(made.settings.kernels));
    };
  made.settings.on_epoch = [&options, &made](const std::vector<EpochResult>& epochs) {
    if (!options.csv.empty()) write_file_atomically(options.csv, epochs_to_csv(epochs));
    if (!options.curve.empty())
      write_file_atomically(options.curve, epochs_to_svg(epochs, cat(made.model.name, ", ", made.data.train.name)));
  };
}

void run_train(const TrainOptions& options, const std::string& command, Session& session) {
  Prepared made = session.together([&] { return prepare(options, session); });
  ProgressDisplay display(options.epochs);
  made.settings.on_progress = [&](const Progress& progress) { display.show(progress); };
  add_outputs(options, made);
  const TrainResult result = train(made.model, made.plan, made.data, made.settings, made.transport);
  session.together([&] {
    if (session.is_root()) print_result(options, made, result, command);
    return true;
  });
}

}  // namespace

void add_train_verb(Verb& app, const std::string& command, Session& session) {
  const std::string program = app.get_name();
  Verb* verb =
      add_verb(app, "train", "Trains a network on several ranks: threads of this machine, or processes that MPI started.",
               {program + " train --ranks 2 --epochs 2",
                program + " train --data synthetic --ranks 4 --batch-per-rank 16 --steps 50 --json run.json",
                program + " train --epochs 20 --checkpoint run.safetensors --checkpoint-every 500 --csv run.csv --curve run.svg",
                program + " train --epochs 20 --checkpoint run.safetensors --resume run.safetensors --csv run.csv"});
  const auto options = std::make_shared<TrainOptions>();
  add_train_options(*verb, *options);
  verb->callback([options, command, &session] { run_train(*options, command, session); });
}

}  // namespace convoy
