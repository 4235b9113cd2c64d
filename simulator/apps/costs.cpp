#include "simulator/apps/costs.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/plans/volume.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

/// Bytes that leave all ranks in a step.
double sent_bytes(const Task& task) {
  double bytes = 0;
  for (const NodeVolume& node : volumes(model_of(task.choice), task.schedule))
    bytes += static_cast<double>(node.forward.total_bytes()) + static_cast<double>(node.backward.total_bytes());
  return bytes / steps_of_iteration(task.schedule);
}

}  // namespace

std::string duration(double time_s) {
  if (time_s < 120) return format_time(time_s);
  if (time_s < 7200) return fmt::format("{:.3g} min", time_s / 60);
  if (time_s < 2 * 86400) return fmt::format("{:.3g} h", time_s / 3600);
  return fmt::format("{:.3g} d", time_s / 86400);
}

std::optional<Costs> costs_of(const Task& task, const StepTimes& times, std::int64_t epoch_images) {
  const Rates& rates = task.machine.cluster.rates;
  if (!rates.know_power() && !rates.know_price()) return {};
  const std::int64_t batch = task.choice.global_batch;
  Costs costs{.rates = rates, .ranks = device_count(task.choice), .epoch_images = epoch_images};
  costs.epoch_steps = (epoch_images + batch - 1) / batch;
  const double step_s = times.independent_workers ? times.step_time_s : times.mean_step_time_s;
  costs.epoch_s = static_cast<double>(costs.epoch_steps) * step_s;
  const bool sends = rates.joules_per_byte > 0;
  StepTimes of_devices = times;  // servers on hosts are in the mean, and compute on no device
  of_devices.compute_s *= static_cast<double>(task.choice.ranks) / costs.ranks;
  costs.step = energy_of_step(task.machine.cluster, of_devices, costs.ranks, sends ? sent_bytes(task) : 0);
  return costs;
}

std::string cost_table(const Costs& costs) {
  const auto epoch = static_cast<double>(costs.epoch_steps);
  Table table({{"", Align::left}, {"a step"}, {fmt::format("an epoch of {} images", costs.epoch_images)}});
  table.add_row({"time", format_time(costs.epoch_s / epoch), duration(costs.epoch_s)});
  if (costs.rates.know_power()) {
    const auto row = [&](const char* name, double joules) {
      table.add_row({name, format_energy(joules), format_energy(joules * epoch)});
    };
    row("energy of devices", costs.step.devices_j);
    row("energy of nodes", costs.step.nodes_j);
    row("energy of what is sent", costs.step.network_j);
    row("energy", costs.step.total_j());
  }
  if (costs.rates.know_price())
    table.add_row({"price",
                   fmt::format("{:.3g} {}", price(costs.rates, costs.ranks, costs.epoch_s / epoch), costs.rates.currency),
                   fmt::format("{:.2f} {}", price(costs.rates, costs.ranks, costs.epoch_s), costs.rates.currency)});
  return cat("\n", table.to_string(), costs.rates.source.empty() ? "" : cat("rates: ", costs.rates.source, "\n"));
}

nlohmann::ordered_json costs_json(const Costs& costs) {
  nlohmann::ordered_json json = {
      {"epoch_images", costs.epoch_images}, {"epoch_steps", costs.epoch_steps}, {"epoch_s", costs.epoch_s}};
  if (costs.rates.know_power())
    json.update({{"step_devices_j", costs.step.devices_j},
                 {"step_nodes_j", costs.step.nodes_j},
                 {"step_network_j", costs.step.network_j},
                 {"step_energy_j", costs.step.total_j()},
                 {"epoch_energy_j", costs.step.total_j() * static_cast<double>(costs.epoch_steps)}});
  if (costs.rates.know_price())
    json.update({{"epoch_price", price(costs.rates, costs.ranks, costs.epoch_s)}, {"currency", costs.rates.currency}});
  json["provenance"] = "simulated times, and rates of the cluster file";
  return json;
}

std::string straggler_sentence(const Stragglers& stragglers) {
  std::string text;
  for (const auto& [rank, factor] : stragglers.slow)
    text += fmt::format("{}rank {} x {:g}", text.empty() ? "" : ", ", rank, factor);
  if (stragglers.jitter > 0)
    text += fmt::format("{}every rank and step {:.3g} % slower in the mean (seed {})", text.empty() ? "" : ", ",
                        100 * stragglers.jitter, stragglers.seed);
  return "\nstragglers: " + text + "; efficiency and lower bound are of ranks without them\n";
}

}  // namespace convoy
