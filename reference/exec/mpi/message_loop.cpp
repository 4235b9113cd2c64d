#include "reference/exec/mpi/message_loop.h"

#include <algorithm>
#include <chrono>
#include <variant>

#include "reference/core/error.h"
#include "reference/exec/binding.h"
#include "reference/exec/mpi/supervisor.h"

namespace convoy {

MessageLoop::MessageLoop(RankRun& run, OpStarter& starter)
    : run_(run), starter_(starter), under_way_(static_cast<std::size_t>(run.streams.count())) {
  look_every_s_ = std::min(BackOff::kLook_s, run.options.run.time_out_s / 4);
  has_few_cores_ = usable_core_count() < 2 * run.world.local_size;
}

void MessageLoop::run() {
  ask_for_short_turns();
  run_.prepare_thread(kCommunicationStream);
  while (!run_.streams.all_at_end() && !run_.streams.stopped()) {
    bool moved = false, idle = true;
    for (int s = 0; s < run_.streams.count(); ++s) {
      moved |= advance(s);
      idle &= !under_way_[static_cast<std::size_t>(s)];
    }
    if (moved)
      back_off_.reset();
    else if (idle)
      wait_for_work();
    else
      wait_for_messages();
  }
}

void MessageLoop::run_simulated() {
  if (run_.options.run.on_thread_start) run_.options.run.on_thread_start(run_.rank, kComputeStream);
  while (!run_.streams.all_at_end()) {
    bool moved = false;
    for (int s = 0; s < run_.streams.count(); ++s) moved |= advance(s);
    run_.report_steps();
    if (moved || run_.streams.all_at_end()) continue;
    std::vector<Pending*> pending;
    for (const std::unique_ptr<UnderWay>& each : under_way_)
      if (each) each->collect(pending);
    if (pending.empty()) throw std::runtime_error(cat("rank ", run_.rank, " has nothing to wait for, and ops that have not run"));
    wait_for_any(pending);
  }
}

/// Starts the head of a stream if it is time to, and moves it. Returns whether anything happened.
bool MessageLoop::advance(int stream) {
  std::unique_ptr<UnderWay>& mine = under_way_[static_cast<std::size_t>(stream)];
  if (!mine && !may_start(stream)) return false;
  const bool starts = !mine;
  const OpRun at = starts ? run_.streams.head(stream) : mine->run;
  bool moved = false;
  try {
    rank_note().communicating.begin(at.iteration, at.op, run_.op_of(at).name);
    if (starts) mine = starter_.start(at);
    moved = mine->advance();
    if (moved) mine->moved_s = run_.now_s();
  } catch (const std::exception& error) {
    throw run_.failure_of(at, mine ? cat("waiting for ", mine->awaited(), ": ", error.what()) : error.what());
  }
  if (!mine->is_done()) return starts || moved;
  const double start_s = mine->start_s;
  const std::int64_t sent_bytes = mine->sent_bytes();
  mine.reset();
  rank_note().communicating.end();
  run_.end_op(at, start_s, intervals_, sent_bytes);
  return true;
}

bool MessageLoop::may_start(int stream) const {
  if (run_.streams.at_end(stream)) return false;
  const OpRun at = run_.streams.head(stream);
  return (run_.simulated != nullptr || !std::holds_alternative<Compute>(run_.op_of(at).action)) && run_.streams.is_ready(at);
}

/// Nothing is under way: sleeps until an op ends that another one comes after. MPI gets its turn now and then, in case it still
/// has something of ours to pass on.
void MessageLoop::wait_for_work() {
  int came = 0;
  require_mpi(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, run_.world.messages, &came, MPI_STATUS_IGNORE), "MPI_Iprobe");
  run_.streams.wait(
      [&] {
        if (run_.streams.all_at_end()) return true;
        for (int s = 0; s < run_.streams.count(); ++s)
          if (may_start(s)) return true;
        return false;
      },
      std::chrono::milliseconds(1));
}

/// Something is under way that did not move just now.
void MessageLoop::wait_for_messages() {
  if (back_off_.is_patient() && run_.now_s() - looked_s_ > look_every_s_) {
    looked_s_ = run_.now_s();
    for (const std::unique_ptr<UnderWay>& each : under_way_)
      if (each && each->waits_for_others()) require_hope(*each);
  }
  back_off_.pause(run_.world.crowded || (run_.computing > 0 && has_few_cores_));
}

/// Throws when an op has waited too long, or for somebody who is gone.
void MessageLoop::require_hope(const UnderWay& waiting) const {
  const std::string whom = waiting.awaited();
  if (run_.now_s() - waiting.moved_s > run_.options.run.time_out_s)
    throw run_.failure_of(waiting.run, cat("waited ", run_.options.run.time_out_s, " s for ", whom));
  const std::vector<int> ranks = waiting.awaited_ranks();
  const auto gone = std::ranges::find_if(ranks, [&](int rank) { return run_.world.has_died(rank); });
  const int dead = ranks.empty() ? run_.world.first_dead() : gone == ranks.end() ? -1 : *gone;
  if (dead >= 0) throw run_.failure_of(waiting.run, cat("waits for ", whom, ", but the process of rank ", dead, " has ended"));
}

}  // namespace convoy
