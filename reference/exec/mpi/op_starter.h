/// OpStarter: makes of an op of a schedule what moves it over MPI.
#pragma once

#include <functional>
#include <memory>

#include "reference/exec/mpi/rank_run.h"
#include "reference/exec/mpi/serving.h"
#include "reference/exec/mpi/under_way.h"

namespace convoy {

class OpStarter {
 public:
  /// All ranks call it: communicators are made where collectives are handed to MPI. `run` must outlive this.
  explicit OpStarter(RankRun& run);
  /// The head of a stream, begun now. A compute op only where MPI is simulated: it is carried out, and its time goes by.
  std::unique_ptr<UnderWay> start(const OpRun& at);
  /// The parameter server of this rank; null when it has none.
  [[nodiscard]] Serving* serving() const { return serving_.get(); }

 private:
  std::unique_ptr<UnderWay> start_compute(const OpRun& at, const Compute& compute) const;
  std::unique_ptr<UnderWay> start_exchange(const OpRun& at, const Exchange& exchange) const;
  std::unique_ptr<UnderWay> start_collective(const OpRun& at, const Collective& collective) const;
  std::unique_ptr<UnderWay> start_library_call(const OpRun& at, const Collective& collective) const;
  [[nodiscard]] std::function<Step(std::int64_t)> steps_of(const Rounds& rounds, const Collective& collective) const;
  [[nodiscard]] std::int64_t piece_bytes(DType dtype) const;

  RankRun& run_;
  std::unique_ptr<Serving> serving_;
};

}  // namespace convoy
