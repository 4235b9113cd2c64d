/// Timed: what a rank has computed and whose simulated time goes by, where MPI is simulated.
#pragma once

#include <vector>

#include "reference/exec/mpi/messages.h"
#include "reference/exec/mpi/simulated_impl.h"

namespace convoy {

class Timed {
 public:
  explicit Timed(double time_s) : ended_(!(time_s > 0)) {
    if (!ended_) pending_.request = simulated_mpi()->timer(time_s);
  }
  /// Whether the time is over now and was not before.
  bool advance() {
    const bool before = ended_;
    ended_ = ended_ || pending_.test();
    return ended_ != before;
  }
  [[nodiscard]] bool is_done() const { return ended_; }
  void collect(std::vector<Pending*>& pending) {
    if (!ended_ && !pending_.ended) pending.push_back(&pending_);
  }

 private:
  Pending pending_;
  bool ended_;
};

}  // namespace convoy
