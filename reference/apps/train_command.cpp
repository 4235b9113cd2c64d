#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>

#include "reference/apps/commands.h"
#include "reference/apps/cuda.h"
#include "reference/apps/options.h"
#include "reference/apps/progress.h"
#include "reference/core/units.h"
#include "reference/data/image_folder.h"
#include "reference/data/open.h"
#include "reference/io/accuracy_curve.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/io/model_file.h"
#include "reference/io/report.h"
#include "reference/io/straggler_options.h"
#include "reference/io/timeline_file.h"
#include "reference/io/weights_file.h"
#include "reference/train/checkpoint.h"
#include "reference/train/epochs.h"
#include "reference/train/trainer.h"

namespace convoy {
namespace {

struct TrainOptions {
  PlanOptions plan;
  std::string backend = "cpu";
  std::string data = "fashion-mnist";
  std::optional<std::int64_t> samples;  ///< of synthetic data
  int epochs = 1;
  std::int64_t steps = 0;
  cpu::SgdSettings sgd = TrainSettings{}.sgd;
  std::string nesterov = "off";
  double trust = TrainSettings{}.lars_trust;
  std::optional<double> label_smoothing;
  std::string augment = "none";
  int crop_padding = Augmentation{}.crop_padding;
  int loader_threads = -1;
  std::string schedule = "linear";
  RateSchedule rate;
  std::string load;
  std::string resume;
  std::string checkpoint;
  std::int64_t checkpoint_every = 0;
  std::int64_t evaluate_every = 0;
  std::string until_accuracy;
  std::string save;
  std::string json;
  std::string csv;
  std::string curve;
  std::string timeline;
  StragglerWords stragglers;
};

void add_options(Verb& verb, TrainOptions& options) {
  add_plan_options(verb, options.plan);
  add_backend_option(verb, options.backend);
  verb.add_option(
          "--data", options.data,
          "fashion-mnist, synthetic, or a folder: of IDX files, of CIFAR-10's binary files, or of JPEG and PNG files with a "
          "subfolder for each class")
      ->capture_default_str();
  verb.add_option("--augment", options.augment, "How training images are varied: none, or crop, flip, or crop,flip")
      ->capture_default_str();
  verb.add_option("--crop-padding", options.crop_padding,
                  "--augment crop: pixels added around images that have the network's size")
      ->capture_default_str();
  verb.add_option(
      "--loader-threads", options.loader_threads,
      "Threads that prepare images ahead of training; 0: each rank does [1 where images are varied or decoded, else 0]");
  verb.add_option("--samples", options.samples,
                  "Training images of --data synthetic (default: as many as fit 64 MiB, 8192 at most)");
  verb.add_option("--epochs", options.epochs, "Times that every image is used")->capture_default_str();
  verb.add_option("--steps", options.steps, "Stop every epoch after this many steps");
  verb.add_option("--learning-rate", options.sgd.learning_rate, "Step of stochastic gradient descent")->capture_default_str();
  verb.add_option("--momentum", options.sgd.momentum, "Share of the last step that is repeated")->capture_default_str();
  verb.add_option("--weight-decay", options.sgd.weight_decay, "Pull of the weights towards 0")->capture_default_str();
  verb.add_option("--nesterov", options.nesterov, "on: momentum that looks a step ahead")->capture_default_str();
  verb.add_option("--trust", options.trust, "--optimiser lars: how far a tensor moves in a step, in shares of its norm")
      ->capture_default_str();
  verb.add_option(
      "--label-smoothing", options.label_smoothing,
      "Share of every answer that is spread over all classes, in training and test losses [as the network has it: 0]");
  verb.add_option("--schedule", options.schedule,
                  "How the learning rate falls over the run: constant, linear or cosine (to 0), or step")
      ->capture_default_str();
  verb.add_option("--warm-up", options.rate.warm_up_epochs, "Epochs over which the learning rate rises first; 0.5 is half of one")
      ->capture_default_str();
  verb.add_option("--step-epochs", options.rate.step_epochs, "--schedule step: epochs from one fall to the next")
      ->capture_default_str();
  verb.add_option("--step-factor", options.rate.step_factor, "--schedule step: what the rate is multiplied by")
      ->capture_default_str();
  verb.add_option("--load", options.load, "Begin with the weights in this file, whatever plan and world size wrote it");
  verb.add_option("--resume", options.resume, "Go on from this checkpoint as if the run had never stopped")->excludes("--load");
  verb.add_option("--checkpoint", options.checkpoint, "Keep this file up to date: all it takes to go on after every epoch");
  verb.add_option("--checkpoint-every", options.checkpoint_every, "Write the checkpoint every so many steps too")
      ->needs("--checkpoint");
  verb.add_option("--evaluate-every", options.evaluate_every,
                  "Answer the test images every so many steps too, which the times of training leave out [after every epoch]")
      ->type_name("STEPS");
  verb.add_option("--until-accuracy", options.until_accuracy,
                  "Stop after the evaluation that finds this share of the test images answered right, as 85% or 0.85")
      ->type_name("SHARE");
  verb.add_option("--save", options.save, "Write weights and running statistics to this file (safetensors)");
  verb.add_option("--json", options.json, "Write the result to this file; - is stdout");
  verb.add_option("--csv", options.csv, "Write loss, accuracy and time of every epoch to this file, after each");
  verb.add_option("--curve", options.curve, "Draw loss and accuracy over the epochs into this file (SVG), after each");
  options.stragglers.add_to(verb);
  verb.add_option("--timeline", options.timeline, "Write when every op of the last epoch began and ended to this file");
}

void require_number(const std::string& option, double value, double least) {
  if (!(value >= least && std::isfinite(value))) throw InputError(cat(option, " is ", value, "; write ", least, " or more"));
}

void check_options(const TrainOptions& options) {
  require_at_least("--epochs", options.epochs, 1);
  require_at_least("--steps", options.steps, 0);
  if (options.samples) require_between("--samples", *options.samples, 1, 10'000'000);
  if (!(options.sgd.learning_rate > 0 && std::isfinite(options.sgd.learning_rate)))
    throw InputError(cat("--learning-rate is ", options.sgd.learning_rate, "; write a number above 0"));
  if (!(options.sgd.momentum >= 0 && options.sgd.momentum < 1))
    throw InputError(cat("--momentum is ", options.sgd.momentum, "; write 0 or more and less than 1"));
  if (options.nesterov == "on" && options.sgd.momentum == 0)
    throw InputError("--nesterov on looks ahead along the momentum, and --momentum is 0; write --momentum 0.9 or so");
  require_at_least("--checkpoint-every", options.checkpoint_every, 0);
  require_at_least("--evaluate-every", options.evaluate_every, 0);
  if (!options.until_accuracy.empty()) (void)parse_accuracy("--until-accuracy", options.until_accuracy);
  require_between("--crop-padding", options.crop_padding, 0, 1000);
  require_between("--loader-threads", options.loader_threads, -1, 64);
  require_number("--trust", options.trust, 1e-12);
  if (options.label_smoothing && !(*options.label_smoothing >= 0 && *options.label_smoothing < 1))
    throw InputError(
        cat("--label-smoothing is ", *options.label_smoothing, "; write 0 or more and less than 1, for example 0.1"));
  require_number("--warm-up", options.rate.warm_up_epochs, 0);
  if (options.rate.warm_up_epochs >= options.epochs)
    throw InputError(cat("--warm-up ", options.rate.warm_up_epochs, " leaves none of the ", options.epochs,
                         " epochs at the full learning rate; write less, or more --epochs"));
  require_number("--step-epochs", options.rate.step_epochs, 1e-6);
  require_number("--step-factor", options.rate.step_factor, 1e-9);
  if (!(options.sgd.weight_decay >= 0 && std::isfinite(options.sgd.weight_decay)))
    throw InputError(cat("--weight-decay is ", options.sgd.weight_decay, "; write 0 or more"));
}

/// An option that would change nothing is a mistake.
void require_they_matter(const TrainOptions& options, const ScheduleChoice& choice) {
  struct Needs {
    const char* option;
    bool matters;
    const char* with;
  };
  const Needs all[] = {{"--trust", choice.optimiser == Optimiser::lars, "--optimiser lars"},
                       {"--step-epochs", options.schedule == "step", "--schedule step"},
                       {"--step-factor", options.schedule == "step", "--schedule step"},
                       {"--crop-padding", options.augment.find("crop") != std::string::npos, "--augment crop"},
                       {"--samples", options.data == "synthetic", "--data synthetic"}};
  for (const Needs& row : all)
    if (options.plan.plan.typed(row.option) && !row.matters)
      throw InputError(cat(row.option, " changes nothing here; it is for ", row.with));
}

std::optional<Augmentation> augmentation_of(const TrainOptions& options) {
  const std::string& typed = options.augment;
  if (typed == "none") return {};
  if (typed != "crop" && typed != "flip" && typed != "crop,flip" && typed != "flip,crop")
    throw InputError(cat("--augment is '", typed, "'; write none, crop, flip, or crop,flip"));
  return Augmentation{.crop = typed != "flip", .crop_padding = options.crop_padding, .flip = typed != "crop"};
}

/// How much of the training time went by without images; said when it is worth a remedy.
void print_waiting(std::FILE* out, const TrainOptions& options, const TrainResult& result) {
  double time_s = 0, wait_s = 0;
  for (const EpochResult& epoch : result.epochs) {
    time_s += epoch.time_s;
    wait_s += epoch.wait_s;
  }
  if (wait_s > 0.02 * time_s)
    fmt::print(
        out,
        "training waited {:.0f} % of its time for images; use --loader-threads {} or more while cores are idle, or smaller "
        "pictures\n",
        100 * wait_s / time_s, std::max(1, options.loader_threads) + 1);
}

void print_epochs(std::FILE* out, const TrainResult& result) {
  fmt::print(out, "{:>5}  {:>10}  {:>14}  {:>13}  {:>8}  {:>8}\n", "epoch", "train loss", "train accuracy", "test accuracy",
             "images/s", "time");
  for (std::size_t i = 0; i < result.epochs.size(); ++i) {
    const EpochResult& e = result.epochs[i];
    fmt::print(out, "{:>5}  {:>10.4f}  {:>13.2f}%  {:>12.2f}%  {:>8}  {:>8}\n", i + 1, e.train_loss, 100 * e.train_accuracy,
               100 * e.test_accuracy, format_rate(static_cast<double>(e.images) / e.time_s), format_time(e.time_s));
  }
}

/// How long it took to come to which accuracy, where that was asked for.
void print_milestones(std::FILE* out, const TrainOptions& options, const std::vector<AccuracyPoint>& curve) {
  if (curve.empty() || (options.evaluate_every == 0 && options.until_accuracy.empty())) return;
  fmt::print(out, "\ntest accuracy first reached, of {} evaluations{}\n", curve.size(),
             options.resume.empty() ? "" : " since the checkpoint");
  std::vector<double> milestones = {0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99};
  const double wanted = options.until_accuracy.empty() ? 0 : parse_accuracy("--until-accuracy", options.until_accuracy);
  if (wanted > 0 && std::ranges::find(milestones, wanted) == milestones.end()) milestones.push_back(wanted);
  std::ranges::sort(milestones);
  for (const double accuracy : milestones)
    if (const AccuracyPoint* point = first_with(curve, accuracy))
      fmt::print(out, "{:>8}  after {} steps, {:.2f} epochs, {} of training\n", accuracy_text(accuracy), point->steps, point->epochs,
                 format_time(point->time_s));
  const AccuracyPoint& best = *best_of(curve);
  fmt::print(out, "{:>8}  at most, after {} steps{}\n", accuracy_text(best.test_accuracy), best.steps,
             best.test_accuracy < wanted ? cat("; ", accuracy_text(wanted), " was not reached, train for more --epochs") : "");
}

void print_step(std::FILE* out, const RunReport& report) {
  const bool independent = report.serving && report.schedule.servers.mode != "sync";
  const char* kind = independent ? "workers do not wait for each other: images over images/s of all, means" : "median";
  fmt::print(out, "\none step of {} images on {} ranks ({} of {}): {}, {} images/s\n", report.schedule.global_batch,
             report.schedule.ranks, kind, report.steps, format_time(report.step_time_s), format_rate(report.images_per_s));
  fmt::print(out, "  compute {}, exposed communication {}, waiting for other ranks {}, bubble {}; hidden communication {}\n",
             format_time(report.compute_s), format_time(report.exposed_communication_s), format_time(report.wait_s),
             format_time(report.bubble_s), format_time(report.hidden_communication_s));
  if (report.serving) fmt::print(out, "  {}\n", describe(*report.serving));
}

InputFacts facts_of(const Dataset& data) {
  return {.class_names = data.class_names,
          .mean = data.mean,
          .deviation = data.deviation,
          .picture_side = data.pictures ? picture_side(data.image) : 0};
}

RunReport report_of(const TrainOptions& options, const ScheduleChoice& choice, const TrainResult& result,
                    const std::string& command) {
  RunReport report;
  report.command = command;
  report.host = this_host();
  report.schedule = choice;
  report.data = options.data;
  report.transport = options.backend == "cpu" ? options.plan.ranks.transport : options.backend;
  report.collectives = options.plan.ranks.collectives;
  report.threads = options.plan.threads;
  report.seed = static_cast<std::uint64_t>(options.plan.seed);
  report.set_times(result.times, result.timeline.clock);
  report.set_memory(result.schedule);
  report.set_serving(result.timeline);
  report.stragglers = options.stragglers.stragglers(choice.ranks);
  report.test_accuracy = result.epochs.back().test_accuracy;
  for (const EpochResult& epoch : result.epochs) {
    report.train_loss_per_epoch.push_back(epoch.train_loss);
    report.test_accuracy_per_epoch.push_back(epoch.test_accuracy);
    report.train_accuracy_per_epoch.push_back(epoch.train_accuracy);
    report.test_loss_per_epoch.push_back(epoch.test_loss);
    report.time_s_per_epoch.push_back(epoch.time_s);
  }
  report.accuracy_curve = result.curve;
  report.provenance["accuracy_curve"] = provenance_of_clock(result.timeline.clock);  // its times; accuracies are real on any clock
  for (const char* name : {"test_accuracy", "train_loss_per_epoch", "test_accuracy_per_epoch", "train_accuracy_per_epoch",
                           "test_loss_per_epoch", "time_s_per_epoch"})
    report.provenance[name] = Provenance::measured;
  return report;
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
  const auto seed = static_cast<std::uint64_t>(options.plan.seed);
  TrainSettings settings{.epochs = options.epochs,
                         .steps_per_epoch = options.steps,
                         .threads = options.plan.threads,
                         .bind = parse_on_off("--bind", options.plan.bind),
                         .seed = seed};
  if (cuda) settings.device = &use_cuda();
  settings.sgd = options.sgd;
  settings.sgd.nesterov = parse_on_off("--nesterov", options.nesterov);
  settings.rate = options.rate;
  settings.rate.decay = parse_rate_decay(options.schedule);
  settings.lars_trust = options.trust;
  settings.augmentation = augmentation_of(options);
  settings.loader_threads = options.loader_threads;
  if (options.stragglers.measured())
    throw InputError(
        "--jitter measured is for simulations, where ranks are alike without it; leave it out: real ranks differ by themselves");
  settings.stragglers = options.stragglers.stragglers(plan.mesh.world_size());
  settings.checkpoint_every = options.checkpoint_every;
  settings.evaluate_every = options.evaluate_every;
  if (!options.until_accuracy.empty()) settings.until_accuracy = parse_accuracy("--until-accuracy", options.until_accuracy);
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
                                 .seed = seed});
  require_trainable(plan, data);
  return {choice, plan, model, settings, std::move(data), std::move(transport)};
}

/// What all_reduce = auto became in a full step.
void print_choices(std::FILE* out, const Prepared& made) {
  std::vector<AutomaticChoice> choices;
  (void)make_schedule(made.model, made.plan, Mode::train, &choices);
  if (!choices.empty()) fmt::print(out, "\nall-reduce auto chose\n");
  for (const AutomaticChoice& choice : choices) fmt::print(out, "  {}\n", in_words(choice));
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
  if (trained && made.plan.all_reduce == kAutomatic) print_choices(out, made);
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
  add_options(*verb, *options);
  verb->callback([options, command, &session] { run_train(*options, command, session); });
}

}  // namespace convoy
