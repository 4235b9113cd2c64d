#include "reference/exec/mpi/messages.h"

#include <algorithm>

#include "reference/core/error.h"
#include "reference/exec/combine.h"
#include "reference/exec/mpi/supervisor.h"
#include "reference/exec/mpi/world_impl.h"

namespace convoy {

bool Pending::test() {
  if (ended) return true;
  int done = 0;
  require_mpi(MPI_Test(&request, &done, &status), "MPI_Test");
  ended = done != 0;
  return ended;
}

void wait_for_any(const std::vector<Pending*>& pending) {
  std::vector<MPI_Request> requests;
  for (const Pending* each : pending) requests.push_back(each->request);
  int which = 0;
  MPI_Status status;
  require_mpi(MPI_Waitany(static_cast<int>(requests.size()), requests.data(), &which, &status), "MPI_Waitany");
  Pending& ended = *pending.at(static_cast<std::size_t>(which));
  ended.request = MPI_REQUEST_NULL;
  ended.status = status;
  ended.ended = true;
}

MessageTags::MessageTags(const Schedule& schedule, int tag_limit) {
  for (const Program& program : schedule.programs)
    for (const Op& op : program.ops) {
      if (const auto* exchange = std::get_if<Exchange>(&op.action)) {
        for (const auto* message : {&exchange->send, &exchange->recv})
          if (*message) tags_[{-1, (*message)->id, 0}] = 0;
      } else if (const auto* collective = std::get_if<Collective>(&op.action)) {
        for (int channel = 0; channel < collective->channels; ++channel) tags_[{collective->axis, collective->id, channel}] = 0;
      } else if (const auto* serve = std::get_if<Serve>(&op.action)) {
        for (const auto* messages : {&serve->pushes, &serve->pulls})
          for (const Message& message : *messages) tags_[{-1, message.id, 0}] = 0;
      }
    }
  require(tags_.size() <= static_cast<std::size_t>(tag_limit), "run_on_mpi", "the schedule has ", tags_.size(),
          " message ids, and this MPI has ", tag_limit, " tags");
  int next = 0;
  for (auto& [id, tag] : tags_) tag = next++;
}

Steps::Steps(const MessageSettings& settings, std::int64_t count, std::function<Step(std::int64_t)> at)
    : settings_(settings), count_(count), at_(std::move(at)) {
  if (settings_.recv_tag < 0) settings_.recv_tag = settings_.tag;
  begin_step();
}

/// Goes to the next step that has a message, or to the end.
void Steps::begin_step() {
  for (; index_ < count_; ++index_) {
    step_ = at_(index_);
    if (step_.send || step_.recv) break;
  }
  out_ = {};
  in_ = {};
  if (index_ == count_ || !step_.recv || !step_.lands()) return;
  const std::int64_t wanted = kReceivesInFlight * std::min(settings_.piece_bytes, step_.recv->bytes);
  if (landing_.count() < wanted) landing_ = AlignedArray<std::byte>(wanted);
}

void Steps::note_peers() const {
  RankNote::Doing& note = rank_note().communicating;
  note.sender.store(step_.recv ? step_.recv->peer : -1, std::memory_order_relaxed);
  note.receiver.store(step_.send ? step_.send->peer : -1, std::memory_order_relaxed);
}

bool Steps::step_is_done() const {
  return (!step_.send || out_.ended == step_.send->bytes) && (!step_.recv || in_.ended == step_.recv->bytes);
}

/// Where the piece at this offset arrives.
std::byte* Steps::landing_place(std::int64_t at) {
  if (!step_.lands()) return step_.recv->data + at;
  const std::int64_t piece = std::min(settings_.piece_bytes, step_.recv->bytes);
  return landing_.data() + at / piece % kReceivesInFlight * piece;
}

bool Steps::post_receives() {
  bool posted = false;
  while (step_.recv && in_.posted < step_.recv->bytes && in_.requests.size() < kReceivesInFlight) {
    const std::int64_t bytes = next_piece(*step_.recv, in_.posted);
    require_mpi(MPI_Irecv(landing_place(in_.posted), static_cast<int>(bytes), MPI_BYTE, step_.recv->peer, settings_.recv_tag,
                          settings_.comm, &in_.requests.emplace_back().request),
                "MPI_Irecv");
    in_.posted += bytes;
    posted = true;
  }
  return posted;
}

bool Steps::post_sends() {
  bool posted = false;
  const auto send = settings_.synchronous ? MPI_Issend : MPI_Isend;
  while (step_.send && out_.posted < step_.send->bytes && out_.requests.size() < kSendsInFlight) {
    const std::int64_t bytes = next_piece(*step_.send, out_.posted);
    require_mpi(send(step_.send->data + out_.posted, static_cast<int>(bytes), MPI_BYTE, step_.send->peer, settings_.tag,
                     settings_.comm, &out_.requests.emplace_back().request),
                "MPI_Isend");
    out_.posted += bytes;
    posted = true;
  }
  return posted;
}

bool Steps::finish_receives() {
  bool moved = false;
  while (!in_.requests.empty()) {
    const std::int64_t bytes = next_piece(*step_.recv, in_.ended);
    if (step_.in_place && out_.ended < in_.ended + bytes) break;  // both are cut into the same pieces
    if (!in_.requests.front().test()) break;
    int came = 0;
    require_mpi(MPI_Get_count(&in_.requests.front().status, MPI_BYTE, &came), "MPI_Get_count");
    if (came != bytes)
      throw std::runtime_error(cat("rank ", step_.recv->peer, " sent ", came, " bytes where ", bytes, " are expected"));
    if (step_.lands())
      combine(step_.on_receive, settings_.dtype, step_.recv->data + in_.ended, landing_place(in_.ended),
              bytes / size_bytes(settings_.dtype));
    in_.ended += bytes;
    in_.requests.pop_front();
    moved = true;
  }
  return moved;
}

bool Steps::finish_sends() {
  bool moved = false;
  while (!out_.requests.empty()) {
    if (!out_.requests.front().test()) break;
    const std::int64_t bytes = next_piece(*step_.send, out_.ended);
    out_.ended += bytes;
    sent_bytes_ += bytes;
    out_.requests.pop_front();
    moved = true;
  }
  return moved;
}

bool Steps::advance() {
  bool moved = false;
  note_peers();
  while (!is_done()) {
    bool now = post_receives();  // before the sends: what finds its receive waiting is not buffered
    now |= post_sends();
    now |= finish_receives();
    now |= finish_sends();
    if (step_is_done()) {
      ++index_;
      begin_step();
      note_peers();
      now = true;
    }
    if (!now) break;
    moved = true;
  }
  return moved;
}

int Steps::awaited_rank() const {
  if (step_.recv && in_.ended < step_.recv->bytes) return step_.recv->peer;
  return step_.send ? step_.send->peer : 0;
}

std::string Steps::awaited() const {
  if (step_.recv && in_.ended < step_.recv->bytes) return cat("rank ", step_.recv->peer, " to send");
  if (step_.send) return cat("rank ", step_.send->peer, " to receive");
  return "nobody";
}

}  // namespace convoy
