#include "simulator/faults/energy.h"

namespace convoy {

int nodes_of(const Cluster& cluster, int ranks) { return cluster.node_of(ranks - 1) + 1; }

Energy energy_of_step(const Cluster& cluster, const StepTimes& times, int ranks, double sent_bytes) {
  const Rates& rates = cluster.rates;
  return {.devices_j = ranks * (rates.device_idle_w * times.mean_step_time_s +
                                (rates.device_busy_w - rates.device_idle_w) * times.compute_s),
          .nodes_j = nodes_of(cluster, ranks) * rates.node_w * times.mean_step_time_s,
          .network_j = rates.joules_per_byte * sent_bytes};
}

double price(const Rates& rates, int devices, double time_s) {
  constexpr double kHour_s = 3600;
  return rates.price_per_device_hour * devices * time_s / kHour_s;
}

}  // namespace convoy
