/// MpiWorld: this process as one rank among processes that MPI started, and what they say to each other outside of schedules.
///
/// One thread owns MPI (MPI_THREAD_FUNNELED): the one that made the MpiWorld. It alone may call anything here or run_on_mpi().
/// Nothing here waits for ever: what other ranks do not answer within the time-out is an error that names them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

class MpiWorld {
 public:
  /// Starts MPI in this process. Throws std::runtime_error when MPI does not grant MPI_THREAD_FUNNELED.
  MpiWorld(int* argc, char*** argv);
  /// Ends MPI, together with all ranks. When communication was left half done (run_on_mpi() threw), or another error is on its
  /// way, it ends them with abort(1) instead, since the others would wait for this rank.
  ~MpiWorld();
  MpiWorld(MpiWorld&&) noexcept;
  MpiWorld& operator=(MpiWorld&&) = delete;

  [[nodiscard]] int rank() const;
  [[nodiscard]] int size() const;
  /// Place of this rank among those on its host, and their number; hosts are told apart by the names that MPI gives them.
  [[nodiscard]] int local_rank() const;
  [[nodiscard]] int local_size() const;
  /// Ranks on each host when every host has as many consecutive ones; else 0.
  [[nodiscard]] int ranks_per_host() const;
  /// Whether ranks live on more than one host.
  [[nodiscard]] bool spans_hosts() const;

  /// Throws InputError on every rank when `text` differs between them; `what` says what it is: "the plan". Of a text only a
  /// fingerprint of 64 bits travels (FNV-1a).
  void require_agreement(const std::string& what, std::string_view text);
  /// The sum of everyone's values, element by element, added in order of rank: bit for bit that of a loop over ranks. `mine` has
  /// equally many values everywhere.
  std::vector<double> sum(const std::vector<double>& mine);
  /// Brings the values of `rank` to rank 0; empty elsewhere. All ranks call it; only those of `rank` count.
  std::vector<double> to_root(int rank, std::vector<double> values);
  /// Everyone's text on every rank, in order of rank.
  std::vector<std::string> all_texts(const std::string& mine);

  /// Ranks 0 to count-1 as a world of their own, which must end before this one; nothing on the others. All ranks call it.
  std::optional<MpiWorld> first(int count);

  /// Ends all ranks now, with this exit code. Messages to people must have been printed.
  [[noreturn]] void abort(int exit_code);

  /// How long to wait for an answer of other ranks, here and when schedules start and end. 3600 s at first: a rank may have to
  /// wait while others read their data.
  void set_time_out_s(double time_out_s);

  struct Impl;  ///< reference/exec/mpi/world_impl.h, for the other files of this folder
  [[nodiscard]] Impl& impl() const { return *impl_; }

 private:
  explicit MpiWorld(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// What MPI calls itself: "MPICH Version: 4.0.2", "Open MPI v4.1.4". May be called at any time.
std::string mpi_library();

}  // namespace convoy
