/// RunReport: what one training run came to, measured or simulated, in a form that both can write and compare.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reference/io/accuracy_curve.h"
#include "reference/io/host.h"
#include "reference/io/schedule_choice.h"
#include "reference/schedule/stragglers.h"
#include "reference/schedule/timeline.h"

namespace convoy {

/// Where a value comes from. In JSON: "measured", "simulated", "formula".
enum class Provenance : std::uint8_t { measured, simulated, formula };
std::string_view to_string(Provenance provenance);
/// The provenance of times read from a timeline's clock: "steady" -> measured, "simulated", "formula".
Provenance provenance_of_clock(const std::string& clock);

/// One run. Times are of one step, averaged over ranks as in StepTimes; step_time_s is a median.
struct RunReport {
  // Where it comes from.
  std::string version = tool_version();
  std::string command;
  std::string date = today();
  Host host;
  // What was run.
  ScheduleChoice schedule;
  std::string mode = "train";
  std::string clock = "steady";  ///< "steady", "simulated", "formula"
  std::string data;              ///< "fashion-mnist"; empty when there was none
  std::string transport;         ///< "threads"; of a simulation, the name of the cluster
  std::string collectives;       ///< who carried them out: "ours" (messages in rounds), "library"; empty of a simulation
  int threads = 1;               ///< of each rank
  std::uint64_t seed = 1;
  Stragglers stragglers = {};  ///< ranks that were slowed down
  // What came out.
  int steps = 0;  ///< that were counted
  double step_time_s = 0;
  double compute_s = 0;
  double exposed_communication_s = 0;
  double hidden_communication_s = 0;
  double wait_s = 0;                       ///< reports before version 0.2 count it as exposed communication
  double bubble_s = 0;                     ///< in reports before version 0.2: idle_s
  std::vector<RankTimes> ranks;            ///< where the time of each rank went; empty in reports before version 0.2
  std::map<std::string, double> phases_s;  ///< by to_string(Phase)
  double images_per_s = 0;                 ///< global batch / step time; of independent workers as StepTimes
  std::optional<double> test_accuracy;     ///< fraction
  std::vector<double> train_loss_per_epoch;
  std::vector<double> test_accuracy_per_epoch;
  std::vector<double> train_accuracy_per_epoch;
  std::vector<double> test_loss_per_epoch;
  std::vector<double> time_s_per_epoch;    ///< of training, without evaluation
  std::vector<AccuracyPoint> accuracy_curve;  ///< every evaluation of the run; empty in reports before version 0.2
  std::optional<ServingSummary> serving;   ///< of plans with parameter servers
  std::vector<std::int64_t> memory_bytes;  ///< of each class of ranks, or of each rank
  /// Of every value above that came out; filled by set_times for those it sets.
  std::map<std::string, Provenance> provenance;

  /// Fills the times, phases, images per second, steps and clock, with the provenance that belongs to the clock.
  void set_times(const StepTimes& times, const std::string& clock_name);
  /// Fills memory_bytes with what plan_memory() says about each rank's program (one entry a class), a formula.
  void set_memory(const Schedule& made);
  /// Fills `serving` where there are servers, with the provenance that belongs to the clock.
  void set_serving(const Timeline& timeline);
};

/// JSON with the unit in the name of every field. Throws std::invalid_argument when a value has no provenance.
std::string to_json(const RunReport& report);
/// Reads it back. An InputError names the file and every field that is missing, mistyped or unknown.
RunReport parse_run_report(const std::string& json, const std::string& file_name);

}  // namespace convoy
