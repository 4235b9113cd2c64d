#include "reference/apps/train_options.h"

#include <cmath>
#include <utility>

#include "reference/apps/cuda.h"
#include "reference/core/error.h"
#include "reference/io/accuracy_curve.h"
#include "reference/io/cli.h"

namespace convoy {

void add_train_options(Verb& verb, TrainOptions& options) {
  add_plan_options(verb, options.plan);
  add_backend_option(verb, options.backend);
  verb.begin_group("Images");
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
  verb.begin_group("Training");
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
  verb.begin_group("Weights and checkpoints");
  verb.add_option("--load", options.load, "Begin with the weights in this file, whatever plan and world size wrote it")
      ->type_name("FILE");
  verb.add_option("--resume", options.resume, "Go on from this checkpoint as if the run had never stopped")
      ->type_name("FILE")
      ->excludes("--load");
  verb.add_option("--checkpoint", options.checkpoint, "Keep this file up to date: all it takes to go on after every epoch")
      ->type_name("FILE");
  verb.add_option("--checkpoint-every", options.checkpoint_every, "Write the checkpoint every so many steps too")
      ->needs("--checkpoint");
  verb.add_option("--save", options.save, "Write weights and running statistics to this file (safetensors)")->type_name("FILE");
  verb.begin_group("Training");
  verb.add_option("--evaluate-every", options.evaluate_every,
                  "Answer the test images every so many steps too, which the times of training leave out [after every epoch]")
      ->type_name("STEPS");
  verb.add_option("--until-accuracy", options.until_accuracy,
                  "Stop after the evaluation that finds this share of the test images answered right, as 85% or 0.85")
      ->type_name("SHARE");
  options.stragglers.add_to(verb);
  verb.begin_group("Results");
  verb.add_option("--json", options.json, "Write the result to this file; - is stdout")->type_name("FILE");
  verb.add_option("--csv", options.csv, "Write loss, accuracy and time of every epoch to this file, after each")
      ->type_name("FILE");
  verb.add_option("--curve", options.curve, "Draw loss and accuracy over the epochs into this file (SVG), after each")
      ->type_name("FILE");
  verb.add_option("--timeline", options.timeline, "Write when every op of the last epoch began and ended to this file")
      ->type_name("FILE");
}

namespace {

void require_number(const std::string& option, double value, double least) {
  if (!(value >= least && std::isfinite(value))) throw InputError(cat(option, " is ", value, "; write ", least, " or more"));
}

/// How images are varied; an InputError for words that are none.
std::optional<Augmentation> augmentation_of(const TrainOptions& options) {
  const std::string& typed = options.augment;
  if (typed == "none") return {};
  if (typed != "crop" && typed != "flip" && typed != "crop,flip" && typed != "flip,crop")
    throw InputError(cat("--augment is '", typed, "'; write none, crop, flip, or crop,flip"));
  return Augmentation{.crop = typed != "flip", .crop_padding = options.crop_padding, .flip = typed != "crop"};
}

}  // namespace

void check_options(const TrainOptions& options) {
  for (const auto& [option, file] : {std::pair{"--save", &options.save},
                                     {"--checkpoint", &options.checkpoint},
                                     {"--csv", &options.csv},
                                     {"--curve", &options.curve},
                                     {"--timeline", &options.timeline}})
    if (*file == "-") throw InputError(cat(option, " takes a file, not -; only --json can write to standard output"));
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
                       {"--samples", options.data == "synthetic", "--data synthetic"},
                       {"--local-momentum", options.sgd.momentum > 0, "--momentum 0.9 or so"}};
  for (const Needs& row : all)
    if (options.plan.plan.typed(row.option) && !row.matters)
      throw InputError(cat(row.option, " changes nothing here; it is for ", row.with));
  if (options.plan.ranks.collectives == "library") options.plan.plan.require_library_may_choose();
}

TrainSettings settings_of(const TrainOptions& options, int ranks) {
  TrainSettings settings{.epochs = options.epochs,
                         .steps_per_epoch = options.steps,
                         .threads = options.plan.threads,
                         .bind = parse_on_off("--bind", options.plan.bind),
                         .seed = static_cast<std::uint64_t>(options.plan.seed)};
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
  settings.stragglers = options.stragglers.stragglers(ranks);
  settings.checkpoint_every = options.checkpoint_every;
  settings.evaluate_every = options.evaluate_every;
  if (!options.until_accuracy.empty()) settings.until_accuracy = parse_accuracy("--until-accuracy", options.until_accuracy);
  return settings;
}

}  // namespace convoy
