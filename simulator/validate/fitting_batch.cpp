#include "reference/plans/plan.h"
#include "reference/schedule/memory.h"
#include "simulator/validate/networks/networks.h"
#include "simulator/validate/step.h"

namespace convoy {

int fitting_batch(const MeasuredTask& task, const Device& device) {
  constexpr int kMost = 256;  // of published recipes for ImageNet few have more on a GPU
  const Model model = measured_network(task.network, task.image_px);
  const bool half = task.precision == "fp16" || task.precision == "amp" || task.precision == "bf16";
  int batch = 1;
  while (batch < kMost) {
    const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = 1, .global_batch = 2 * batch}));
    const double bytes = static_cast<double>(memory_of(schedule.programs.front()).peak_bytes) * (half ? 0.5 : 1.0);
    if (device.memory_bytes > 0 && bytes > static_cast<double>(device.memory_bytes)) break;
    batch *= 2;
  }
  return batch;
}

}  // namespace convoy
