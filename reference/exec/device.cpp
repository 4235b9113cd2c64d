#include "reference/exec/device.h"

#include "reference/schedule/validate.h"

namespace convoy {
namespace {

// Mark 0 is the beginning of the run; op i of the list begins at mark 2 i + 1 and ends at 2 i + 2.
int mark_before(std::size_t op) { return static_cast<int>(2 * op + 1); }
int mark_behind(std::size_t op) { return static_cast<int>(2 * op + 2); }

/// Asks for the ops of one step. Steps do not overlap, so that marks of the step before have all been reached. `op_by_op`: the host waits
/// for each op before it asks for the next, so that an op that fails on the device is known. Otherwise a device may say that an earlier op
/// of the step failed when it is asked for the next.
void ask_for_step(const Schedule& schedule, int iteration, bool op_by_op, RankMemory& memory, const ComputeFn& compute,
                  const DeviceStreams& streams) {
  const std::vector<Op>& ops = schedule.program(0).ops;
  const char* where = op_by_op ? ": " : " or one before it: ";
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const Op& op = ops[i];
    try {
      streams.use(op.stream);
      for (const int earlier : op.after)
        if (ops[static_cast<std::size_t>(earlier)].stream != op.stream) streams.wait(mark_behind(static_cast<std::size_t>(earlier)));
      streams.mark(mark_before(i));
      if (const auto* work = std::get_if<Compute>(&op.action)) compute({schedule, 0, iteration, op, *work, memory});
      require(!std::holds_alternative<Exchange>(op.action) && !std::holds_alternative<Serve>(op.action), "run_on_device", "op '",
              op.name, "' sends something, and there is one rank");
      streams.mark(mark_behind(i));
      if (op_by_op) streams.reached_s(mark_behind(i));
    } catch (const LimitError& error) {
      throw LimitError(cat("iteration ", iteration, ", op ", i, " (", op.name, "): ", error.what()));
    } catch (const std::exception& error) {
      throw std::runtime_error(cat("iteration ", iteration, ", op ", i, " (", op.name, ")", where, error.what()));
    }
  }
}

/// The host waits for all of a step. Returns its intervals. What the device is at cannot be seen; but ops are waited for in the order of
/// the list, so that those before the one at which a failure shows did not fail.
std::vector<Interval> wait_for_step(const Schedule& schedule, int iteration, const DeviceStreams& streams) {
  const std::vector<Op>& ops = schedule.program(0).ops;
  std::vector<Interval> intervals;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    try {
      intervals.push_back({0, iteration, static_cast<int>(i), streams.reached_s(mark_before(i)), streams.reached_s(mark_behind(i)), 0});
    } catch (const std::exception& error) {
      throw std::runtime_error(cat("iteration ", iteration, ", op ", i, " (", ops[i].name, ") or one behind it: ", error.what()));
    }
  }
  return intervals;
}

}  // namespace

Timeline run_on_device(const Schedule& schedule, int iterations, RankMemory& memory, const ComputeFn& compute,
                       const RunOptions& options, const DeviceStreams& streams) {
  require(schedule.world_size() == 1, "run_on_device", "a schedule of ", schedule.world_size(), " ranks; a device is one");
  if (options.check) require_valid(schedule);
  memory.bind(schedule.program(0));
  if (options.on_thread_start) options.on_thread_start(0, 0);
  Timeline timeline{.clock = "steady", .intervals = {}};
  streams.use(kComputeStream);
  try {
    streams.mark(0);
    for (int iteration = 0; iteration < iterations; ++iteration) {
      const bool op_by_op = options.first_op_by_op && iteration == 0;
      ask_for_step(schedule, iteration, op_by_op, memory, compute, streams);
      const std::vector<Interval> step = wait_for_step(schedule, iteration, streams);
      if (options.record) timeline.intervals.insert(timeline.intervals.end(), step.begin(), step.end());
      if (options.on_step_end) options.on_step_end(0, iteration);
    }
  } catch (...) {
    streams.use(kComputeStream);  // for whoever uses the device next
    throw;
  }
  streams.use(kComputeStream);
  return timeline;
}

}  // namespace convoy
