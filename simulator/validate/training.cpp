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

/// The number beside "epoch" in a row's notes: "90 epochs", "64-epoch", "epochs: 90".
double epochs_in(const std::string& notes) {
  const std::string text = lower_case(notes);
  for (std::size_t at = text.find("epoch"); at != std::string::npos; at = text.find("epoch", at + 1)) {
    std::size_t end = at;
    while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '-')) --end;
    std::size_t from = end;
    while (from > 0 && text[from - 1] >= '0' && text[from - 1] <= '9') --from;
    if (from == end) {
      from = std::min(text.find_first_not_of("epochs :=", at), text.size());
      end = std::min(text.find_first_not_of("0123456789", from), text.size());
    }
    if (const auto epochs = parse_number(std::string_view(text).substr(from, end - from))) return *epochs;
  }
  throw NotDone("epochs not stated");
}

/// How many of a unit a second is; 1 for units that are no time.
double per_second(const std::string& unit) {
  if (unit == "ms") return 1e3;
  if (unit == "us") return 1e6;
  if (unit == "min" || unit == "minutes") return 1.0 / 60;
  if (unit == "h" || unit == "hours") return 1.0 / 3600;
  return unit == "d" || unit == "days" ? 1.0 / 86400 : 1.0;
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

bool is_rate(const std::string& metric) {
  return metric.starts_with("throughput") || metric.starts_with("images_per_s") || metric.starts_with("images/s") ||
         metric.starts_with("samples_per_s");
}

/// Whether a metric is of as many images whatever the batch, so that it depends on the batch a little only.
bool is_per_image(const std::string& metric) {
  return is_rate(metric) || metric.starts_with("epoch_time") || metric == "training_time" || metric == "scaling_efficiency" ||
         metric.starts_with("speedup");
}

double metric_of(const std::string& metric, const std::string& unit, const std::string& notes, const MeasuredTask& task,
                 const Setting& setting) {
  const StepTime time = time_of_step(task, setting);
  const double percent = unit == "%" || unit == "percent" ? 100 : 1;
  if (is_rate(metric)) {
    const double per = contains_word(lower_case(unit), "gpu") ? task.ranks : 1;  // "images/s/GPU"
    return task.global_batch / time.step_s / per * (contains_word(unit, "/min") ? 60 : contains_word(unit, "/h") ? 3600 : 1);
  }
  if (metric == "communication_fraction_of_time") return percent * time.exposed_s() / time.step_s;
  if (metric == "scaling_efficiency") return percent * alone(task, setting).step_s / time.step_s;
  if (metric.starts_with("speedup_vs_1")) return task.ranks * alone(task, setting).step_s / time.step_s;
  return seconds_of(metric, notes, task, time) * per_second(unit);
}

Prediction predict_row(const CsvTable& table, std::size_t row, const AllHardware& all, Fidelity fidelity) {
  Prediction prediction;
  const std::string metric = lower_case(table.text(row, "metric"));
  prediction.unit = table.text(row, "unit");
  prediction.measured = needed(table, row, "value");
  const Hardware& hardware = hardware_of(table, row, all);
  if (!hardware.missing.empty() || hardware.gpu == nullptr) throw NotDone(hardware.missing);
  const std::string words = cat(table.text(row, "case_id"), " ", table.text(row, "variant"), " ", table.text(row, "notes"));
  MeasuredTask task = read_task(table, row, hardware);
  const bool guessed = task.global_batch == 0;
  if (guessed && !is_per_image(metric)) throw NotDone("batch not stated");
  if (guessed) task.global_batch = task.ranks * fitting_batch(task, hardware.device);
  prediction.what = cat(task.network, ", ", task.ranks, task.ranks == 1 ? " GPU" : " GPUs", ", batch ", task.global_batch, ", ",
                        task.precision, ", ", metric);
  const Setting setting{hardware, wiring_of(hardware, words), fidelity};
  prediction.predicted = metric_of(metric, prediction.unit, table.text(row, "notes"), task, setting);
  prediction.how = way_of(task);
  if (simulates_steps(fidelity)) prediction.how += task.strategy == Strategy::plan ? ", simulated" : ", by formula";
  if (guessed) prediction.how += cat(", batch not stated: ", task.global_batch / task.ranks, " a GPU");
  return prediction;
}

}  // namespace

std::vector<Prediction> predict_training(const CsvTable& table, const AllHardware& hardware, Fidelity fidelity) {
  return each_row(table, "training", [&](std::size_t row) { return std::vector{predict_row(table, row, hardware, fidelity)}; });
}

}  // namespace convoy
