#include <cmath>

#include "reference/core/units.h"
#include "simulator/validate/cells.h"
#include "simulator/validate/step.h"
#include "simulator/validate/validation.h"

namespace convoy {
namespace {

constexpr double kImageNet = 1281167;  ///< images of one epoch

/// One device with its share of the batch, for speed-ups and efficiencies.
StepTime alone(MeasuredTask task, const Setting& setting) {
  task.global_batch = std::max(1, task.global_batch / task.ranks);
  task.ranks = task.nodes = task.stages = 1;
  task.strategy = Strategy::plan;
  task.plan = "data";
  task.split_classes = false;
  return time_of_step(task, setting);
}

std::string way_of(const MeasuredTask& task) {
  switch (task.strategy) {
    case Strategy::servers: return "parameter servers on the host";
    case Strategy::layers: return cat(task.stages, " stages one after the other");
    case Strategy::replicated_stage: return "two stages, one replicated";
    case Strategy::pipeline: {
      const int micro_batches = micro_batches_of(task);
      return cat(task.stages, " stages, ", micro_batches, " micro-batches", task.micro_batches > 0 ? "" : " (not stated)");
    }
    default: break;
  }
  return cat("plan ", task.plan, task.inside.empty() ? "" : " ", task.inside, task.classes > 0 ? ", class layer" : "");
}

double epochs_in(const std::string& notes) {
  const std::size_t at = notes.find(" epochs");
  if (at == std::string::npos) throw NotDone("epochs not stated");
  std::size_t from = at;
  while (from > 0 && notes[from - 1] >= '0' && notes[from - 1] <= '9') --from;
  const auto epochs = parse_number(std::string_view(notes).substr(from, at - from));
  if (!epochs) throw NotDone("epochs not stated");
  return *epochs;
}

/// How many of a unit a second is; 1 for units that are no time.
double per_second(const std::string& unit) {
  if (unit == "ms") return 1e3;
  if (unit == "us") return 1e6;
  if (unit == "min" || unit == "minutes") return 1.0 / 60;
  return unit == "h" || unit == "hours" ? 1.0 / 3600 : 1.0;
}

double seconds_of(const std::string& metric, const std::string& notes, const MeasuredTask& task, const StepTime& time) {
  const double steps = kImageNet / task.global_batch;
  if (metric == "step_time" || metric == "iteration_time" || metric == "batch_time") return time.step_s;
  if (metric == "step_time_compute") return time.compute_s;
  if (metric == "step_time_communication") return time.exposed_s();
  if (metric == "step_time_compute_conv_layers") return time.convolution_s;
  if (metric == "epoch_time") return steps * time.step_s;
  if (metric == "epoch_time_compute") return steps * time.compute_s;
  if (metric == "epoch_time_communication") return steps * time.exposed_s();
  if (metric == "forward_time") return time.forward_s;
  if (metric == "backward_time") return time.backward_s;
  if (metric == "forward_backward_time") return time.forward_s + time.backward_s;
  if (metric == "time_for_3_batches") return 3 * time.step_s;
  if (metric == "training_time") return epochs_in(notes) * steps * time.step_s;
  throw NotDone(cat("metric ", metric));
}

double metric_of(const std::string& metric, const std::string& unit, const std::string& notes, const MeasuredTask& task,
                 const Setting& setting) {
  const StepTime time = time_of_step(task, setting);
  const double percent = unit == "%" || unit == "percent" ? 100 : 1;
  if (metric == "throughput" || metric == "images_per_s")
    return task.global_batch / time.step_s / (task.ranks > 1 && contains_word(unit, "/GPU") ? task.ranks : 1);
  if (metric == "communication_fraction_of_time") return percent * time.exposed_s() / time.step_s;
  if (metric == "scaling_efficiency") return percent * alone(task, setting).step_s / time.step_s;
  if (metric.starts_with("speedup_vs_1")) return task.ranks * alone(task, setting).step_s / time.step_s;
  return seconds_of(metric, notes, task, time) * per_second(unit);
}

Prediction predict_row(const CsvTable& table, std::size_t row, const std::map<std::string, Hardware>& all) {
  Prediction prediction;
  const std::string metric = table.text(row, "metric");
  prediction.unit = table.text(row, "unit");
  prediction.measured = needed(table, row, "value");
  const Hardware& hardware = hardware_of(table, row, all);
  if (!hardware.missing.empty() || hardware.gpu == nullptr) throw NotDone(hardware.missing);
  const std::string words = cat(table.text(row, "case_id"), " ", table.text(row, "variant"), " ", table.text(row, "notes"));
  const MeasuredTask task = read_task(table, row, *hardware.gpu);
  prediction.what = cat(task.network, ", ", task.ranks, task.ranks == 1 ? " GPU" : " GPUs", ", batch ", task.global_batch, ", ",
                        task.precision, ", ", metric);
  const Setting setting{hardware, wiring_of(hardware, words)};
  prediction.predicted = metric_of(metric, prediction.unit, table.text(row, "notes"), task, setting);
  prediction.how = way_of(task);
  return prediction;
}

}  // namespace

std::vector<Prediction> predict_training(const CsvTable& table, const std::map<std::string, Hardware>& hardware) {
  return each_row(table, "training", [&](std::size_t row) { return std::vector{predict_row(table, row, hardware)}; });
}

}  // namespace convoy
