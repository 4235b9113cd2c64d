/// Timelines as JSON, with enough of the schedule beside them to say what every interval was.
#pragma once

#include <string>
#include <vector>

#include "reference/schedule/timeline.h"
#include "reference/schedule/waits.h"

namespace convoy {

/// One op of a program, in words.
struct OpSummary {
  std::string name;  ///< "forward conv1"
  int stream = 0;
  std::string phase;  ///< to_string(Phase)
  friend bool operator==(const OpSummary&, const OpSummary&) = default;
};

/// A timeline that stands on its own.
struct TimelineFile {
  std::string model;
  std::string plan;
  std::string mode;
  int global_batch = 0;
  std::vector<int> class_of;                     ///< program of every rank
  std::vector<std::vector<OpSummary>> programs;  ///< ops of every class
  Timeline timeline;
  std::vector<Wait> waits = {};  ///< of each interval; empty: not known

  /// Of one of the timeline's intervals.
  [[nodiscard]] Wait wait_of(const Interval& interval) const {
    return waits.empty() ? Wait{} : waits.at(static_cast<std::size_t>(&interval - timeline.intervals.data()));
  }
};

TimelineFile summarise(const Schedule& schedule, const Timeline& timeline);
std::string to_json(const TimelineFile& file);
/// Reads it back; every interval must name a rank and an op that exist. An InputError names the file and the fields.
TimelineFile parse_timeline(const std::string& json, const std::string& file_name);

}  // namespace convoy
