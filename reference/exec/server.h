/// Server: a parameter server on host memory. What carries its messages is somebody else's business.
#pragma once

#include <vector>

#include "reference/exec/exec.h"
#include "reference/schedule/serve_policy.h"

namespace convoy {

/// The pieces that an update is made of. Unpacks the pushes of these workers, adds them in increasing order in the place of the first
/// and carries out the update with the sum: one whose rule stands for the whole batch is the mean over the images of these workers.
void make_update(const Schedule& schedule, int rank, const Op& op, const std::vector<int>& workers, int iteration,
                 RankMemory& memory, const ComputeFn& compute);
/// Writes the weights as they are into the place of a worker, whose gradients there have been used.
void write_answer(const Serve& serve, int worker, const Program& program, RankMemory& memory);

class Server {
 public:
  /// For the Serve op of a rank, in a run of so many iterations. All arguments must outlive this.
  Server(const Schedule& schedule, int rank, const Op& op, int iterations, RankMemory& memory, const ComputeFn& compute);

  /// The iteration of a worker's next push; `iterations` when none is to come.
  [[nodiscard]] int awaited(int worker) const { return pushed_[static_cast<std::size_t>(worker)]; }
  /// The awaited push of a worker has been put in its place. Returns what followed from it: in the places of the workers that are
  /// answered now lie the weights to send, each in answer to its last push.
  ServeDecision take(int worker);
  /// Whether the pushes of an iteration have all been taken and answered.
  [[nodiscard]] bool is_over(int iteration) const;
  [[nodiscard]] const std::vector<ServedPush>& log() const { return policy_.log(); }

 private:
  const Schedule& schedule_;
  int rank_;
  const Op& op_;
  const Serve& serve_;
  RankMemory& memory_;
  const ComputeFn& compute_;
  ServePolicy policy_;
  std::vector<int> pushed_;    ///< by worker
  std::vector<int> answered_;  ///< by iteration
};

}  // namespace convoy
