/// run_on_device: the executor for one accelerator with streams and events, such as a GPU.
#pragma once

#include "reference/exec/exec.h"

namespace convoy {

/// The streams of a device. Work of one stream is done in the order in which it was asked for; between streams only waits order it.
struct DeviceStreams {
  std::function<void(int stream)> use;         ///< what is asked for from now on is work of this stream; 0 at first
  std::function<void(int event)> mark;         ///< a place behind all work of the current stream so far; a number may be used again
  std::function<void(int event)> wait;         ///< the current stream goes on only when the device has come to this mark
  std::function<double(int event)> reached_s;  ///< seconds from mark 0 to this one; the host waits until the device is there
};

/// Runs `iterations` steps of a schedule of one rank. Every stream of the schedule is one of the device; ops are asked for in the
/// order of the list, and an op that comes `after` one of another stream waits for the mark behind that one, so that nothing but
/// streams and `after` orders the device. The host waits at the end of every step, and in the first one behind every op (unless
/// options.first_op_by_op is off): shapes repeat, so that a kernel that fails does so there, and the op is known. Intervals are between
/// the device's own marks; those of a step that is run op by op do not overlap. Collectives of one rank do nothing. However the run ends,
/// kComputeStream is the current stream.
///
/// Throws std::invalid_argument when there are more ranks, LimitError when an op finds no room, and std::runtime_error when one fails,
/// all naming the op. In steps that do not run op by op a kernel that fails while it runs may show when a later op is asked for, which the
/// message names with "or one before it", or when the host waits, and then it names the first op not seen done, "or one behind it".
Timeline run_on_device(const Schedule& schedule, int iterations, RankMemory& memory, const ComputeFn& compute,
                       const RunOptions& options, const DeviceStreams& streams);

}  // namespace convoy
