#include "reference/train/device_backend.h"

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/schedule/memory.h"

namespace convoy {

void require_room(const DeviceBackend& device, const Schedule& schedule) {
  const DeviceDescription facts = device.describe();
  const Memory memory = memory_of(schedule.program(0));
  if (memory.arena_bytes <= facts.free_bytes) return;
  const auto part = [&](BufferKind kind) { return memory.bytes_of_kind[static_cast<std::size_t>(kind)]; };
  const std::int64_t learned = part(BufferKind::weights) + part(BufferKind::optimizer) + part(BufferKind::gradients);
  throw LimitError(cat("a step of ", schedule.model, " with ", schedule.global_batch, " images needs ", format_bytes(static_cast<double>(memory.arena_bytes)),
                       " of memory (weights, gradients and momentum ", format_bytes(static_cast<double>(learned)), ", the rest grows with the batch), and ",
                       facts.name, " has ", format_bytes(static_cast<double>(facts.free_bytes)), " of its ", format_bytes(static_cast<double>(facts.memory_bytes)),
                       " free; use a smaller --batch"));
}

Transport device_transport(const DeviceBackend& device) {
  Transport transport = threads_transport(1);
  transport.name = device.name;
  transport.communication_cores.reset();
  transport.run = [&device](const Schedule& schedule, int iterations, std::vector<RankMemory>& memories, const ComputeFn& compute,
                            const RunOptions& options) {
    return run_on_device(schedule, iterations, memories.at(0), compute, options, device.streams);
  };
  return transport;
}

}  // namespace convoy
