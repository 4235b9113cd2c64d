/// MessageLoop: the thread that owns MPI, at work on the communication ops of all streams of a rank.
#pragma once

#include <memory>
#include <vector>

#include "reference/exec/mpi/op_starter.h"
#include "reference/exec/mpi/rank_run.h"
#include "reference/exec/mpi/under_way.h"
#include "reference/exec/mpi/waiting.h"

namespace convoy {

class MessageLoop {
 public:
  /// All arguments must outlive this.
  MessageLoop(RankRun& run, OpStarter& starter);
  /// Until every stream is at its end or the run is stopped. Other threads run compute ops meanwhile.
  void run();
  /// The same where MPI is simulated: compute ops too, in the one thread that there is. Never looks at what cannot have changed.
  void run_simulated();
  /// When the ops that were run here began and ended.
  [[nodiscard]] const std::vector<Interval>& intervals() const { return intervals_; }

 private:
  bool advance(int stream);
  [[nodiscard]] bool may_start(int stream) const;
  void wait_for_work();
  void wait_for_messages();
  void require_hope(const UnderWay& waiting) const;

  RankRun& run_;
  OpStarter& starter_;
  std::vector<std::unique_ptr<UnderWay>> under_way_;  ///< of each stream
  std::vector<Interval> intervals_;
  BackOff back_off_;
  bool has_few_cores_ = false;  ///< this host has no core for each thread of its ranks
  double look_every_s_ = BackOff::kLook_s;
  double looked_s_ = 0;  ///< when it was last looked whether there is still hope
};

}  // namespace convoy
