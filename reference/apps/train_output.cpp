#include "reference/apps/train_output.h"

#include <fmt/format.h>

#include <algorithm>

#include "reference/core/units.h"
#include "reference/io/accuracy_curve.h"

namespace convoy {

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

void print_choices(std::FILE* out, const Model& model, const Plan& plan) {
  std::vector<AutomaticChoice> choices;
  (void)make_schedule(model, plan, Mode::train, &choices);
  if (!choices.empty()) fmt::print(out, "\nall-reduce auto chose\n");
  for (const AutomaticChoice& choice : choices) fmt::print(out, "  {}\n", in_words(choice));
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

}  // namespace convoy
