#include "reference/exec/device.h"

#include "reference/schedule/validate.h"

namespace convoy {
namespace {

/// The ops of one step. Mark 0 is the beginning of the run; op i of the list begins at mark 2 i + 1 and ends at 2 i + 2.
void ask_for_step(const Schedule& schedule, int iteration, RankMemory& memory, const ComputeFn& compute,
                  const DeviceClock& clock) {
  const std::vector<Op>& ops = schedule.program(0).ops;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const Op& op = ops[i];
    clock.mark(static_cast<int>(2 * i + 1));
    try {
      if (const auto* work = std::get_if<Compute>(&op.action)) compute({schedule, 0, iteration, op, *work, memory});
      require(!std::holds_alternative<Exchange>(op.action), "run_on_device", "op '", op.name,
              "' sends something, and there is one rank");
    } catch (const std::exception& error) {
      throw std::runtime_error(cat("iteration ", iteration, ", op ", i, " (", op.name, "): ", error.what()));
    }
    clock.mark(static_cast<int>(2 * i + 2));
  }
}

}  // namespace

Timeline run_on_device(const Schedule& schedule, int iterations, RankMemory& memory, const ComputeFn& compute,
                       const RunOptions& options, const DeviceClock& clock) {
  require(schedule.world_size() == 1, "run_on_device", "a schedule of ", schedule.world_size(), " ranks; a device is one");
  if (options.check) require_valid(schedule);
  memory.bind(schedule.program(0));
  if (options.on_thread_start) options.on_thread_start(0, 0);
  Timeline timeline{.clock = "steady", .intervals = {}};
  const int ops = static_cast<int>(schedule.program(0).ops.size());
  clock.mark(0);
  for (int iteration = 0; iteration < iterations; ++iteration) {
    ask_for_step(schedule, iteration, memory, compute, clock);
    clock.reached_s(2 * ops);
    if (options.record)
      for (int op = 0; op < ops; ++op)
        timeline.intervals.push_back({0, iteration, op, clock.reached_s(2 * op + 1), clock.reached_s(2 * op + 2), 0});
    if (options.on_step_end) options.on_step_end(0, iteration);
  }
  return timeline;
}

}  // namespace convoy
