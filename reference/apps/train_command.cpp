#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <optional>

#include "reference/apps/commands.h"
#include "reference/apps/options.h"
#include "reference/apps/progress.h"
#include "reference/core/units.h"
#include "reference/data/open.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/io/report.h"
#include "reference/io/timeline_file.h"
#include "reference/io/weights_file.h"
#include "reference/train/trainer.h"

namespace convoy {
namespace {

struct TrainOptions {
  PlanOptions plan;
  std::string data = "fashion-mnist";
  std::optional<std::int64_t> samples;  ///< of synthetic data
  int epochs = 1;
  std::int64_t steps = 0;
  cpu::SgdSettings sgd = TrainSettings{}.sgd;
  std::string decay = "on";
  std::string load;
  std::string save;
  std::string json;
  std::string timeline;
};

void add_options(CLI::App& verb, TrainOptions& options) {
  add_plan_options(verb, options.plan);
  verb.add_option("--data", options.data, "fashion-mnist, synthetic, or a folder of IDX files")->capture_default_str();
  verb.add_option("--samples", options.samples,
                  "Training images of --data synthetic (default: as many as fit 64 MiB, 8192 at most)");
  verb.add_option("--epochs", options.epochs, "Times that every image is used")->capture_default_str();
  verb.add_option("--steps", options.steps, "Stop every epoch after this many steps");
  verb.add_option("--learning-rate", options.sgd.learning_rate, "Step of stochastic gradient descent")->capture_default_str();
  verb.add_option("--momentum", options.sgd.momentum, "Share of the last step that is repeated")->capture_default_str();
  verb.add_option("--weight-decay", options.sgd.weight_decay, "Pull of the weights towards 0")->capture_default_str();
  verb.add_option("--decay", options.decay, "on: the learning rate falls evenly to 0 over the run; off: it stays")
      ->capture_default_str();
  verb.add_option("--load", options.load, "Begin with the weights in this file, whatever plan and world size wrote it");
  verb.add_option("--save", options.save, "Write weights and running statistics to this file (safetensors)");
  verb.add_option("--json", options.json, "Write the result to this file; - is stdout");
  verb.add_option("--timeline", options.timeline, "Write when every op of the last epoch began and ended to this file");
}

void check_options(const TrainOptions& options) {
  require_at_least("--epochs", options.epochs, 1);
  require_at_least("--steps", options.steps, 0);
  if (options.samples) require_between("--samples", *options.samples, 1, 10'000'000);
  if (!(options.sgd.learning_rate > 0 && std::isfinite(options.sgd.learning_rate)))
    throw InputError(cat("--learning-rate is ", options.sgd.learning_rate, "; write a number above 0"));
  if (!(options.sgd.momentum >= 0 && options.sgd.momentum < 1))
    throw InputError(cat("--momentum is ", options.sgd.momentum, "; write 0 or more and less than 1"));
  if (!(options.sgd.weight_decay >= 0 && std::isfinite(options.sgd.weight_decay)))
    throw InputError(cat("--weight-decay is ", options.sgd.weight_decay, "; write 0 or more"));
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

void print_step(std::FILE* out, const RunReport& report) {
  fmt::print(out, "\none step of {} images on {} ranks (median of {}): {}, {} images/s\n", report.schedule.global_batch,
             report.schedule.ranks, report.steps, format_time(report.step_time_s), format_rate(report.images_per_s));
  fmt::print(out, "  compute {}, exposed communication {}, hidden communication {}, idle {}\n", format_time(report.compute_s),
             format_time(report.exposed_communication_s), format_time(report.hidden_communication_s), format_time(report.idle_s));
}

RunReport report_of(const TrainOptions& options, const ScheduleChoice& choice, const TrainResult& result,
                    const std::string& command) {
  RunReport report;
  report.command = command;
  report.host = this_host();
  report.schedule = choice;
  report.data = options.data;
  report.transport = options.plan.ranks.transport;
  report.collectives = options.plan.ranks.collectives;
  report.threads = options.plan.threads;
  report.seed = static_cast<std::uint64_t>(options.plan.seed);
  report.set_times(result.times, result.timeline.clock);
  report.set_memory(result.schedule);
  report.test_accuracy = result.epochs.back().test_accuracy;
  for (const EpochResult& epoch : result.epochs) {
    report.train_loss_per_epoch.push_back(epoch.train_loss);
    report.test_accuracy_per_epoch.push_back(epoch.test_accuracy);
  }
  for (const char* name : {"test_accuracy", "train_loss_per_epoch", "test_accuracy_per_epoch"})
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
  if (session.is_root()) {
    require_writable(options.json);
    require_writable(options.timeline);
    require_writable(options.save);
  }
  const TransportOptions ranks = ranks_of(options.plan.plan, options.plan.ranks);
  const ScheduleChoice choice = choice_of(options.plan, checked_ranks(ranks, session));
  const Plan plan = plan_of(choice);
  const Model model = model_of(choice);
  const auto seed = static_cast<std::uint64_t>(options.plan.seed);
  TrainSettings settings{.epochs = options.epochs,
                         .steps_per_epoch = options.steps,
                         .threads = options.plan.threads,
                         .bind = parse_on_off("--bind", options.plan.bind),
                         .seed = seed};
  settings.sgd = options.sgd;
  settings.decay = parse_on_off("--decay", options.decay);
  if (!options.load.empty()) settings.start = read_weights_file(options.load, model);
  TrainingData data = open_data({.source = options.data,
                                 .image = model.image,
                                 .classes = model.classes,
                                 .model = model.name,
                                 .synthetic_count = options.samples.value_or(0),
                                 .seed = seed});
  require_trainable(plan, data);
  return {choice, plan, model, settings, std::move(data), session.transport(ranks)};
}

void print_result(const TrainOptions& options, const Prepared& made, const TrainResult& result, const std::string& command) {
  std::FILE* out = table_stream(options.json);
  if (!result.epochs.empty()) print_epochs(out, result);
  if (!result.diverged.empty()) throw LimitError(result.diverged);
  const RunReport report = report_of(options, made.choice, result, command);
  print_step(out, report);
  if (!options.save.empty()) write_weights_file(options.save, made.model, result.values);
  write_json(options.json, to_json(report));
  if (!options.timeline.empty()) write_file_atomically(options.timeline, to_json(summarise(result.schedule, result.timeline)));
}

void run_train(const TrainOptions& options, const std::string& command, Session& session) {
  Prepared made = session.together([&] { return prepare(options, session); });
  ProgressDisplay display(options.epochs);
  made.settings.on_progress = [&](const Progress& progress) { display.show(progress); };
  const TrainResult result = train(made.model, made.plan, made.data, made.settings, made.transport);
  session.together([&] {
    if (session.is_root()) print_result(options, made, result, command);
    return true;
  });
}

}  // namespace

void add_train_verb(CLI::App& app, const std::string& command, Session& session) {
  const std::string program = app.get_name();
  CLI::App* verb =
      add_verb(app, "train", "Trains a network on several ranks: threads of this machine, or processes that MPI started.",
               {program + " train --ranks 2 --epochs 2",
                program + " train --data synthetic --ranks 4 --batch-per-rank 16 --steps 50 --json run.json"});
  const auto options = std::make_shared<TrainOptions>();
  add_options(*verb, *options);
  verb->callback([options, command, &session] { run_train(*options, command, session); });
}

}  // namespace convoy
