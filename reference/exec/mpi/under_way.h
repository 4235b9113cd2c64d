/// UnderWay: an op that has started, of whatever kind, as the thread that owns MPI sees it.
#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "reference/exec/mpi/library_call.h"
#include "reference/exec/mpi/messages.h"
#include "reference/exec/mpi/serving.h"
#include "reference/exec/mpi/streams.h"
#include "reference/exec/mpi/timed.h"

namespace convoy {

/// One iteration of a server.
struct ServingTurn {
  Serving* serving;
  int iteration;
  [[nodiscard]] bool advance() const { return serving->advance(); }
  [[nodiscard]] bool is_done() const { return serving->is_over(iteration); }
};

struct UnderWay {
  OpRun run;
  double start_s = 0;
  double moved_s = 0;  ///< when something of it moved last
  std::variant<Channels, LibraryCall, Timed, ServingTurn> what;

  template <class T, class... Arguments>
  UnderWay(const OpRun& a_run, double now_s, std::in_place_type_t<T> type, Arguments&&... arguments)
      : run(a_run), start_s(now_s), moved_s(now_s), what(type, std::forward<Arguments>(arguments)...) {}

  /// Moves whatever can move. Returns whether anything did.
  bool advance() {
    return std::visit([](auto& one) { return one.advance(); }, what);
  }
  [[nodiscard]] bool is_done() const {
    return std::visit([](const auto& one) { return one.is_done(); }, what);
  }
  /// Bytes that have left this rank; of a server since this was last asked. What MPI's own calls send, MPI alone knows: 0.
  std::int64_t sent_bytes();
  /// Adds the requests that it waits for; not of MPI's own collectives.
  void collect(std::vector<Pending*>& pending);
  /// "rank 1 to send".
  [[nodiscard]] std::string awaited() const;
  /// The ranks that it waits for, or as many as are known: of MPI's own collectives, none is.
  [[nodiscard]] std::vector<int> awaited_ranks() const;
  /// Whether other ranks are waited for at all.
  [[nodiscard]] bool waits_for_others() const { return std::holds_alternative<LibraryCall>(what) || !awaited_ranks().empty(); }
};

}  // namespace convoy
