/// Session: the ranks of one run of this program, be they threads of this process or processes that MPI started.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "reference/io/report.h"
#include "reference/model/model.h"
#include "reference/train/transport.h"

namespace convoy {

class MpiWorld;

/// What the person typed about ranks and what carries their messages.
struct TransportOptions {
  std::optional<int> ranks;  ///< kDefaultRanks when not typed; with MPI, as many as it started
  std::string transport = "threads";
  std::string collectives = "ours";
};

/// Only the process with rank 0 prints and writes files. A mistake that every process finds, or that one finds before the run
/// begins, is said once and ends all of them with its exit code; what goes wrong later is said by the process where it does,
/// which then ends the others.
class Session {
 public:
  /// Starts MPI when "--transport mpi" stands on the command line, in a child of this process: see supervise_rank().
  Session(int& argc, char**& argv);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] bool is_root() const;
  /// Whether an error that comes now comes in all processes.
  [[nodiscard]] bool all_know() const { return all_know_; }
  /// Says which model is about to run, to a simulated MPI, which has to know what its ops cost. Throws InputError when it does not.
  void announce(const Model& model, const std::string& precision) const;
  /// The number of ranks that the options ask for. Throws InputError for an unknown transport, for MPI in a program built without
  /// it, and when --ranks is not the number of processes that MPI started.
  [[nodiscard]] int ranks(const TransportOptions& options) const;
  /// What carries the messages of so many ranks, as returned by ranks(). This object must outlive it.
  [[nodiscard]] Transport transport(const TransportOptions& options) const;

  /// Calls `action` in every process. What it throws in any of them, all throw: the error of the lowest rank. Returns what it
  /// returned here.
  template <class Action>
  auto together(const Action& action) {
    using Result = decltype(action());
    std::optional<Result> result;
    Failure failure;
    try {
      result.emplace(action());
    } catch (...) {
      failure = caught();
      if (!has_processes()) throw;
    }
    if (has_processes()) require_none(failure);
    return std::move(*result);
  }

  /// The exit code of the program, after everything it has to say was said. Ends MPI; all its processes, when this one failed
  /// alone.
  int end(int exit_code);

 private:
  struct Failure {
    int exit_code = 0;
    std::string message;
  };
  [[nodiscard]] bool has_processes() const { return world_ != nullptr; }
  /// The exception that is being handled.
  static Failure caught();
  void require_none(const Failure& mine);
  Transport mpi_transport(MpiWorld& world, bool library) const;
  /// What this process prints goes nowhere, or again where it belongs.
  void mute() const;
  void unmute_errors();

  std::unique_ptr<MpiWorld, void (*)(MpiWorld*)> world_;
  mutable bool all_know_ = true;  ///< an error that comes now comes in all processes
  mutable int errors_ = -1;       ///< where stderr went before it was muted
};

/// "MPICH Version: 4.0.2", and the name of the program that starts its processes; both empty when built without MPI.
struct MpiFacts {
  std::string library;
  std::string launcher;
};
MpiFacts mpi_facts();

}  // namespace convoy
