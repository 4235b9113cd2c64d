/// Serving: the parameter server of a rank on MPI.
///
/// The thread that owns MPI moves pushes and weights. A thread of the server's own takes the pushes in the order in which they
/// came and makes the updates, so that other messages move meanwhile; where MPI is simulated, one thread does both in turn. What
/// a push leads to is decided by exec/server.h, the same code as on threads.
///
///   the place of a worker:   receiving its push -> waiting to be taken -> taken -> sending its answer -> receiving ...
///
/// It belongs to MPI while something is received or sent, and to the server in between.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reference/exec/mpi/rank_run.h"
#include "reference/exec/mpi/timed.h"
#include "reference/exec/server.h"

namespace convoy {

class Serving {
 public:
  /// For the Serve op with this index in the rank's program. `run` must outlive this.
  Serving(RankRun& run, int op);

  [[nodiscard]] int stream() const { return run_.op_of({.op = op_}).stream; }

  // For the thread that owns MPI:
  /// Moves what can move, and where MPI is simulated takes pushes, too. Returns whether anything happened.
  bool advance();
  /// Whether all pushes of an iteration have been taken and answered; of the last, whether all answers have arrived, too.
  [[nodiscard]] bool is_over(int iteration) const;
  /// Bytes of answers that have arrived since this was last asked.
  std::int64_t take_sent_bytes() { return std::exchange(sent_bytes_, 0); }
  void collect(std::vector<Pending*>& pending);
  /// Ranks that are to push or to take weights, and for people "rank 1 to push, rank 2 to take weights". Nobody while the server
  /// itself is at work on what all have pushed.
  [[nodiscard]] std::vector<int> awaited_ranks() const;
  [[nodiscard]] std::string awaited() const;

  // For the server's thread, where MPI is real:
  /// Takes pushes until the last iteration is over or the run is stopped. `at` says what it is at.
  void work(OpRun& at);

  /// What was taken, in order; when the run is over.
  [[nodiscard]] const std::vector<ServedPush>& log() const { return server_.log(); }

 private:
  /// Messages with one worker.
  struct Desk {
    int rank = 0;
    int received = 0;  ///< its pushes so far
    std::optional<Steps> push, answer;
  };

  void await_push(Desk& desk, const Message& push);
  void send_answers();
  bool move_messages(int worker);
  bool take_in_turn();
  int next_to_take();
  /// What the server has decided is known to the thread that owns MPI from here on.
  void publish(const std::vector<int>& answered);

  RankRun& run_;
  int op_;
  const Serve& serve_;
  std::vector<Desk> desks_;  ///< by worker
  std::size_t first_ = 0;    ///< worker who is looked at first, in turn
  std::int64_t sent_bytes_ = 0;
  std::optional<Timed> update_;    ///< under way, where MPI is simulated
  std::vector<int> after_update_;  ///< who is answered then
  Server server_;                  ///< of the thread that takes pushes
  mutable std::mutex mutex_;       ///< guards the rest
  std::deque<int> arrived_;        ///< workers whose pushes are to be taken
  std::atomic<int> to_take_ = 0;   ///< how many of them
  std::vector<int> to_answer_;     ///< workers whose answers are to be sent
  int over_ = 0;                   ///< iterations that have been taken and answered
};

}  // namespace convoy
