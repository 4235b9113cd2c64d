#include "reference/train/epochs.h"

#include <fmt/format.h>

#include "reference/io/line_chart.h"

namespace convoy {

std::string epochs_to_csv(const std::vector<EpochResult>& epochs) {
  std::string out = "epoch,steps,images,learning_rate,train_loss,train_accuracy,test_loss,test_accuracy,time_s,wait_s\n";
  for (std::size_t i = 0; i < epochs.size(); ++i) {
    const EpochResult& e = epochs[i];
    out += fmt::format("{},{},{},{},{},{},{},{},{},{}\n", i + 1, e.steps, e.images, e.learning_rate, e.train_loss,
                       e.train_accuracy, e.test_loss, e.test_accuracy, e.time_s, e.wait_s);
  }
  return out;
}

std::string epochs_to_svg(const std::vector<EpochResult>& epochs, const std::string& title) {
  const auto line = [&](const std::string& name, double EpochResult::*value, double scale) {
    ChartLine made{.name = name, .points = {}};
    for (std::size_t i = 0; i < epochs.size(); ++i)
      made.points.emplace_back(static_cast<double>(i + 1), scale * epochs[i].*value);
    return made;
  };
  return to_svg(
      {{.title = title + ": loss",
        .x_label = "epoch",
        .y_label = "cross entropy",
        .lines = {line("training", &EpochResult::train_loss, 1), line("test", &EpochResult::test_loss, 1)}},
       {.title = title + ": accuracy",
        .x_label = "epoch",
        .y_label = "percent",
        .lines = {line("training", &EpochResult::train_accuracy, 100), line("test", &EpochResult::test_accuracy, 100)}}});
}

}  // namespace convoy
