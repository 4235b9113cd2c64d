#include "reference/train/device_backend.h"

namespace convoy {

Transport device_transport(const DeviceBackend& device) {
  Transport transport = threads_transport(1);
  transport.name = device.name;
  transport.communication_cores.reset();
  transport.run = [&device](const Schedule& schedule, int iterations, std::vector<RankMemory>& memories, const ComputeFn& compute,
                            const RunOptions& options) {
    return run_on_device(schedule, iterations, memories.at(0), compute, options, device.clock);
  };
  return transport;
}

}  // namespace convoy
