/// Trace: spans of time on lanes, whoever recorded them: our executors, the simulator, or PyTorch's profiler.
#pragma once

#include <string>
#include <vector>

#include "reference/io/timeline_file.h"
#include "reference/schedule/timeline.h"

namespace convoy {

/// One lane: what happens on it happens one after the other, or one inside the other.
struct TraceLane {
  int process = 0;   ///< rank, or the process or GPU of a foreign trace; lanes of one process follow each other
  std::string name;  ///< "rank 0 compute"
};

struct TraceSpan {
  int lane = 0;
  double start_s = 0;
  double end_s = 0;
  Phase phase = Phase::forward;
  std::string name;
};

struct TraceStep {
  double start_s = 0;
  double end_s = 0;
};

struct Trace {
  std::string title;  ///< "lenet5, plan data, steady clock", or the name of the file
  std::vector<TraceLane> lanes;
  std::vector<TraceSpan> spans;
  std::vector<TraceStep> steps;  ///< in order; never empty when there are spans
};

/// From a timeline. A step begins where the one before it ended, over all ranks. What communication waited for partners is a span
/// of its own; what waits.h calls a bubble is none.
Trace trace_of(const TimelineFile& file);

/// From a Chrome trace: one that Convoy wrote, or one of PyTorch's profiler. Of a PyTorch trace, kernels on GPUs count where
/// there are any, else what the processor did. What NCCL or Gloo does is all-reduce; all else belongs to the phase in which it
/// was launched: inside "Optimizer.step" update, inside autograd's engine backward, inside a DataLoader load; launched outside of
/// these, copies to the GPU are load and the rest is forward. Steps are "ProfilerStep#n"; without any, the whole trace is one
/// step. Only Convoy's own traces tell waiting from communication; in others it is part of that. An InputError names the file and
/// what is wrong with it.
Trace read_chrome_trace(const std::string& json, const std::string& file_name);

/// A file in either form, told apart by what is in it.
Trace read_trace(const std::string& json, const std::string& file_name);

/// Where the time of a step went: means over processes and steps, of at least one step.
struct TraceTimes {
  int steps = 0;                     ///< that were counted: all but the first, when there are more
  double step_s = 0;                 ///< median
  double phase_s[kPhaseCount] = {};  ///< a phase was going on in some lane
  double compute_s = 0;              ///< a phase of compute was going on
  double exposed_communication_s = 0;
  double hidden_communication_s = 0;
  double wait_s = 0;  ///< nothing but communication that a partner had not begun yet
  double idle_s = 0;  ///< compute + exposed communication + wait + idle = mean step
};
TraceTimes times_of(const Trace& trace);

}  // namespace convoy
