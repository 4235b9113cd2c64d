/// ServePolicy: what a parameter server does with what workers push. One piece of code, without threads and without a clock, for
/// servers that really run and for simulated ones.
///
/// In every iteration a worker pushes its gradients and waits for weights to go on with. What the server decides:
///
///   mode     an update is made of                         a worker gets weights                          stale by
///   sync     the pushes of all workers of an iteration    after that update                              0 updates
///   backup   the first `accept` pushes of an iteration,   after that update; who comes late, at once     0 updates
///            later ones are thrown away
///   async    every push by itself                         at once                                        any number
///   ssp      every push by itself                         when it is at most `bound` iterations ahead    (workers-1)(2 bound+1)
///                                                         of the slowest                                 updates at most
///
/// Sources: Chen, Pan, Monga, Bengio, Jozefowicz, "Revisiting Distributed Synchronous SGD", 2016 (backup); Dean et al., "Large
/// Scale Distributed Deep Networks", 2012 (async); Ho et al., "More Effective Distributed ML via a Stale Synchronous Parallel
/// Parameter Server", 2013 (ssp).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

/// How a server decides.
struct ServeRule {
  std::string mode = "sync";  ///< a name of serve_modes()
  int workers = 1;
  int accept = 0;  ///< backup: pushes that make an update
  int bound = 0;   ///< ssp: iterations that a worker may be ahead of the slowest
  friend bool operator==(const ServeRule&, const ServeRule&) = default;
};

/// What follows from one push.
struct ServeDecision {
  std::vector<int> applied = {};   ///< workers whose pushes make an update now, in increasing order; empty: none is made
  int iteration = 0;               ///< of these pushes
  std::vector<int> answered = {};  ///< workers that get the weights as they are now, after the update
};

/// What a mode decides by.
struct ServeState {
  ServeRule rule;
  std::vector<int> pushed;   ///< by worker: its pushes so far
  int round = 0;             ///< sync and backup: the iteration of which pushes are gathered
  std::vector<int> members;  ///< workers whose pushes of it are there
  std::vector<int> waiting;  ///< ssp: workers that wait for weights
};

/// One row of the table of modes.
struct ServeMode {
  std::string_view name;
  std::string_view sentence;
  /// Whether an update stands for the whole batch, so that pushes that were thrown away are made up for by the others. Else every
  /// update is a step on its part of the batch.
  bool whole_batch = true;
  /// What follows from this push, which `state.pushed` counts already.
  ServeDecision (*on_push)(ServeState& state, int worker, int iteration) = nullptr;
};
std::span<const ServeMode> serve_modes();
/// The row of this name; an InputError names the nearest.
const ServeMode& serve_mode(std::string_view name);
/// "" when a rule can be followed, else a sentence that says what to write instead.
std::string why_not(const ServeRule& rule);

/// One push, as a server took it. In the order of the pushes of a server, these say all that it takes to do the same again.
struct ServedPush {
  int server = 0;     ///< its rank
  int worker = 0;
  int iteration = 0;  ///< of the worker
  int update = -1;    ///< of which of the server's updates it is part, from 0; -1: it was thrown away
  int staleness = 0;  ///< updates made between the weights that the worker had and the one that it is part of
  int answer = 0;     ///< updates that had been made when the worker got its answer
  int ahead = 0;      ///< iterations that the worker was then ahead of the slowest
  friend bool operator==(const ServedPush&, const ServedPush&) = default;
};

/// One server in one run.
class ServePolicy {
 public:
  /// Throws std::invalid_argument for a rule that cannot be followed.
  ServePolicy(const ServeRule& rule, int server);
  /// Takes the next push of a worker, which must be that of `iteration`.
  ServeDecision on_push(int worker, int iteration);
  /// All pushes so far.
  [[nodiscard]] const std::vector<ServedPush>& log() const { return log_; }
  [[nodiscard]] const ServeMode& mode() const { return *mode_; }

 private:
  const ServeMode* mode_;
  ServeState state_;
  int server_;
  int updates_ = 0;
  std::vector<int> given_;  ///< by worker: updates that are in the weights it has
  std::vector<ServedPush> log_;
  std::vector<std::size_t> last_;  ///< by worker: its last push in the log
};

}  // namespace convoy
