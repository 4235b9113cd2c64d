/// Failures: how much of a training run's time is useful when nodes and links fail and it goes on from checkpoints.
///
///     |-- tau: steps --|-C-|-- tau --|-C-|-- ta X ...... R ......|-- tau --|-C-|
///      work that counts  a checkpoint is written   ^ a failure: what was done since the last checkpoint is lost,
///                                                    and it takes R to be back where that was written
///
/// Failures are a Poisson process: every node and every link fails on average once in its mean time between failures, whatever
/// happened before. A failure during a restart begins the restart anew; one while a checkpoint is written loses it.
#pragma once

#include <cstdint>

namespace convoy {

/// What can fail. A mean time of 0: never.
struct Fragile {
  int nodes = 1;
  double node_mtbf_s = 0;
  int links = 0;
  double link_mtbf_s = 0;
};
/// M, the mean time between failures of all together; infinity when nothing fails.
double mtbf_s(const Fragile& fragile);

/// What a checkpoint costs.
struct CheckpointCost {
  double write_s = 0;    ///< C
  double restart_s = 0;  ///< R
};

/// Young 1974: tau = sqrt(2 C M), the best interval to first order in C / M.
double young_interval_s(double write_s, double mtbf_s);
/// Daly 2006, equation 37: to higher order, sqrt(2 C M) (1 + sqrt(C / 2M) / 3 + (C / 2M) / 9) - C for C < 2 M, else M.
double daly_interval_s(double write_s, double mtbf_s);
/// Useful time over all time, in the mean, with a checkpoint after every `interval_s` of work (Daly 2006, equation 20):
/// tau / (M exp(R / M) (exp((tau + C) / M) - 1)). Without failures tau / (tau + C).
double expected_goodput(double interval_s, const CheckpointCost& cost, double mtbf_s);
/// The interval with the best expected_goodput(), found by golden section; infinity without failures.
double best_interval_s(const CheckpointCost& cost, double mtbf_s);

/// A run to be simulated.
struct FailingRun {
  double step_s = 1;                ///< time of a step
  std::int64_t steps = 1;           ///< that are to be done
  std::int64_t checkpoint_every = 1;  ///< steps; one is written after the last too
  CheckpointCost cost;
  Fragile fragile;
  std::uint64_t seed = 1;
};
/// Where its time went. useful + checkpoint + lost + restart = time.
struct FailingRunTimes {
  double time_s = 0;
  double useful_s = 0;
  double checkpoint_s = 0;  ///< of checkpoints that were completed
  double lost_s = 0;        ///< work, and unfinished checkpoints, that a failure undid
  double restart_s = 0;     ///< restarts, the interrupted ones too
  std::int64_t node_failures = 0;
  std::int64_t link_failures = 0;
  [[nodiscard]] double goodput() const { return time_s > 0 ? useful_s / time_s : 1; }
};
/// Failure after failure at random, from the seed. Throws LimitError when the run hardly advances: after 10 million failures.
FailingRunTimes simulate_failures(const FailingRun& run);

}  // namespace convoy
