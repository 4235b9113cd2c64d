#include <algorithm>
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "simulator/cost/cost.h"

namespace convoy {
namespace {

double peak_of(const Device& device, const std::string& precision) {
  const std::vector<std::string>& known = precision_names();
  if (std::find(known.begin(), known.end(), precision) == known.end()) throw_unknown_word("precision", precision, known);
  const auto peak = device.peak_flops_per_s.find(precision);
  if (peak != device.peak_flops_per_s.end()) return peak->second;
  std::string stated;
  for (const auto& [name, flops_per_s] : device.peak_flops_per_s) stated += cat(stated.empty() ? "" : ", ", name);
  throw InputError(cat("device '", device.name, "' has no peak for ", precision, "; it has ", stated,
                       ". Choose one of those, or add the peak to the cluster file, for example peak: {", precision,
                       ": 15.7TFLOP/s}"));
}

}  // namespace

CostModel roofline(const Device& device, const std::string& precision) {
  const double peak_flops_per_s = peak_of(device, precision);
  const double bandwidth_bytes_per_s = device.memory_bandwidth_bytes_per_s;
  const double overhead_s = device.launch_overhead_s;
  require(peak_flops_per_s > 0 && bandwidth_bytes_per_s > 0, "roofline", "device '", device.name,
          "' has no peak or memory bandwidth");
  CostModel cost;
  cost.compute_s = [=](const Program&, const Op&, const Compute& compute) {
    const Work& work = compute.work;
    const double bytes = work.bytes_read + work.bytes_written;
    if (work.flops == 0 && bytes == 0) return 0.0;  // nothing is launched: no image on this rank, or a view of what is there
    return overhead_s + std::max(work.flops / peak_flops_per_s, bytes / bandwidth_bytes_per_s);
  };
  // receive_s stays empty: GPU libraries add what arrives while the next part is on its way.
  return cost;
}

CostModel free_compute() {
  CostModel cost;
  cost.compute_s = [](const Program&, const Op&, const Compute&) { return 0.0; };
  return cost;
}

}  // namespace convoy
