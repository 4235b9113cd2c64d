/// Timeline: when every op of a run began and ended, and the arithmetic on that.
///
/// Every executor returns one, so everything here is the same for measured and simulated runs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "reference/schedule/schedule.h"

namespace convoy {

/// One op of one iteration on one rank, in seconds from the start of the run.
struct Interval {
  int rank = 0;
  int iteration = 0;
  int op = 0;
  double start_s = 0;
  double end_s = 0;
  std::int64_t sent_bytes = 0;  ///< that left the rank, as real executors counted them; 0 from the other clocks
};

/// A rank whose intervals stand for those of several that did the same at the same times.
struct Representative {
  int rank = 0;
  int ranks = 1;  ///< for how many, itself included
  friend bool operator==(const Representative&, const Representative&) = default;
};

/// What went over one link of a simulated machine.
struct LinkTraffic {
  std::string name;        ///< as Network::link_name()
  double bytes = 0;        ///< in all iterations
  double utilisation = 0;  ///< bytes over what the link could have moved from the start of the run to its end
  int most_flows = 0;      ///< that shared it at one time
  friend bool operator==(const LinkTraffic&, const LinkTraffic&) = default;
};

struct Timeline {
  std::string clock;  ///< "steady" (measured), "simulated" (SimGrid) or "formula" (ideal)
  std::vector<Interval> intervals;
  std::string fidelity = {};                         ///< of a simulation: "steps", "flows" or "formula"; else ""
  std::vector<Representative> representatives = {};  ///< empty: every rank has intervals of its own
  std::vector<LinkTraffic> links = {};  ///< of a simulation of flows on links: the busiest, by utilisation; else empty
  std::vector<ServedPush> pushes = {};  ///< of all servers, each in the order in which it took them
};
/// Who has intervals in a timeline of a schedule with so many ranks, and for how many ranks they stand.
std::vector<Representative> ranks_of(const Timeline& timeline, int world_size);

/// What servers did with the pushes of a run.
struct ServingSummary {
  int servers = 0;
  int pushes = 0;             ///< to all servers
  int updates = 0;            ///< of all servers
  int dropped = 0;            ///< pushes that were thrown away
  double mean_staleness = 0;  ///< in updates, over the pushes that were not
  int max_staleness = 0;
  int max_ahead = 0;  ///< iterations that any worker went on ahead of the slowest
  friend bool operator==(const ServingSummary&, const ServingSummary&) = default;
};
ServingSummary summary_of(const std::vector<ServedPush>& pushes);
/// The same as a sentence.
std::string describe(const ServingSummary& summary);

/// What time counts as when it is broken down. An op counts as one of them, but for communication: until the last partner (the
/// last rank of a collective's group, the other ends of an exchange's messages) has begun it, the others wait, and only then does
/// it move anything (see waits.h). Packing is what prepares and puts together messages.
enum class Phase : std::uint8_t { load, forward, backward, all_reduce, other_communication, packing, update, wait };
inline constexpr int kPhaseCount = 8;
std::string_view to_string(Phase phase);
/// The phase of an op; of communication, that of the part after the wait.
Phase phase_of(const Op& op);

/// Where the time of a rank's step went, averaged over the iterations counted. compute + exposed + wait + bubble = step.
struct RankTimes {
  int rank = 0;
  int ranks = 1;  ///< for how many it stands, itself included
  double step_s = 0;
  double compute_s = 0;                ///< a compute op was running
  double exposed_communication_s = 0;  ///< bytes were on their way and no compute op was running
  double hidden_communication_s = 0;   ///< both
  double wait_s = 0;                   ///< nothing but communication that a partner had not begun yet
  double bubble_s = 0;                 ///< nothing, or nothing but receiving what the sender had not computed yet
};

/// Where the time of a step went, averaged over ranks and over the iterations counted. As RankTimes:
/// compute + exposed + wait + bubble = mean step time.
struct StepTimes {
  int iterations = 0;      ///< that were counted; one is a step, of local SGD several
  /// Median over iterations of the time from the end of the step before to the end of this. Of independent workers: the images of
  /// all divided by the sum, over workers, of their images over their own mean step; images of pushes that were thrown away do
  /// not count.
  double step_time_s = 0;
  double compute_s = 0;
  double exposed_communication_s = 0;
  double hidden_communication_s = 0;
  double wait_s = 0;
  double bubble_s = 0;
  double mean_step_time_s = 0;
  double phase_s[kPhaseCount] = {};   ///< time of the ops of a phase in an iteration: mean over ranks, median over iterations;
                                      ///< phases may overlap each other
  std::vector<RankTimes> ranks = {};  ///< of those with intervals of their own
  bool independent_workers = false;   ///< see has_independent_workers()
};

/// Whether there are parameter servers that do not gather the pushes of all workers (any mode but sync): every worker goes at a
/// pace of its own, and the run has no step that all of them end together.
bool has_independent_workers(const Schedule& schedule);

/// Breaks a timeline down. Where an iteration is several steps (local SGD), times are of a step: those of the iteration divided by
/// its steps. The first `warmup` iterations are left out (they have no step before them or cold caches); with one
/// iteration in all, that one counts from its first start. A rank's step ends when its last op of the iteration ends (of
/// an independent worker that serves as well: but for serving, which waits for the others); the run's step ends when the last
/// rank's does.
StepTimes step_times(const Schedule& schedule, const Timeline& timeline, int warmup);

/// Rules every timeline of a schedule must obey: one interval for each op, iteration and rank; end >= start; streams in
/// order, iteration after iteration; nothing starts before what it comes after has ended. Returns a sentence for each breach.
/// `slack_s`: clocks of different threads may differ by this much.
std::vector<std::string> check_timeline(const Schedule& schedule, int iterations, const Timeline& timeline, double slack_s = 0);

}  // namespace convoy
