#include "reference/exec/mpi/serving.h"

#include <algorithm>

#include "reference/core/error.h"

namespace convoy {

Serving::Serving(RankRun& run, int op)
    : run_(run),
      op_(op),
      serve_(std::get<Serve>(run.op_of({.op = op}).action)),
      desks_(serve_.pushes.size()),
      server_(run.schedule, run.rank, run.op_of({.op = op}), run.iterations, run.memory, run.compute) {
  for (std::size_t w = 0; w < desks_.size(); ++w) {
    const Message& push = serve_.pushes[w];
    desks_[w].rank = run.schedule.mesh.neighbour(run.rank, push.peer.axis, push.peer.offset);
    await_push(desks_[w], push);
  }
}

void Serving::await_push(Desk& desk, const Message& push) {
  if (desk.received == run_.iterations) return;
  const Step step{.send = {}, .recv = run_.half_of(desk.rank, push.region)};
  desk.push.emplace(run_.rendezvous(push.region, run_.tags.of_message(push.id)), 1, [step](std::int64_t) { return step; });
}

bool Serving::advance() {
  bool moved = run_.simulated != nullptr && take_in_turn();
  send_answers();
  for (std::size_t i = 0; i < desks_.size(); ++i) moved |= move_messages(static_cast<int>((first_ + i) % desks_.size()));
  first_ = (first_ + 1) % desks_.size();  // nobody is always the first when several come between two looks
  return moved;
}

/// Gives the answers that there are to MPI.
void Serving::send_answers() {
  const std::lock_guard lock(mutex_);
  for (const int worker : to_answer_) {
    Desk& desk = desks_[static_cast<std::size_t>(worker)];
    const Message& pull = serve_.pulls[static_cast<std::size_t>(worker)];
    const Step step{.send = run_.half_of(desk.rank, pull.region), .recv = {}};
    desk.answer.emplace(run_.rendezvous(pull.region, run_.tags.of_message(pull.id)), 1, [step](std::int64_t) { return step; });
  }
  to_answer_.clear();
}

bool Serving::move_messages(int worker) {
  Desk& desk = desks_[static_cast<std::size_t>(worker)];
  bool moved = false;
  if (desk.answer) {
    moved |= desk.answer->advance();
    if (desk.answer->is_done()) {
      sent_bytes_ += desk.answer->sent_bytes();
      desk.answer.reset();
      await_push(desk, serve_.pushes[static_cast<std::size_t>(worker)]);
    }
  }
  if (desk.push) {
    moved |= desk.push->advance();
    if (desk.push->is_done()) {
      desk.push.reset();
      ++desk.received;
      {
        const std::lock_guard lock(mutex_);
        arrived_.push_back(worker);
        ++to_take_;
      }
      run_.streams.wake();
    }
  }
  return moved;
}

int Serving::next_to_take() {
  const std::lock_guard lock(mutex_);
  --to_take_;
  const int worker = arrived_.front();
  arrived_.pop_front();
  return worker;
}

void Serving::publish(const std::vector<int>& answered) {
  const std::lock_guard lock(mutex_);
  to_answer_.insert(to_answer_.end(), answered.begin(), answered.end());
  while (over_ < run_.iterations && server_.is_over(over_)) ++over_;
}

void Serving::work(OpRun& at) {
  at = {.op = op_, .iteration = 0};
  while (over_ < run_.iterations) {  // nobody else changes it
    run_.streams.wait([&] { return to_take_ > 0; });
    if (run_.streams.stopped()) return;
    const int worker = next_to_take();
    at.iteration = server_.awaited(worker);
    ++run_.computing;
    const ServeDecision decision = server_.take(worker);
    --run_.computing;
    publish(decision.answered);
  }
}

/// The same where there is one thread. What an update computes is there at once, and is known to nobody before its time is over.
bool Serving::take_in_turn() {
  bool moved = false;
  for (;;) {
    if (update_) {
      moved |= update_->advance();
      if (!update_->is_done()) return moved;
      update_.reset();
      publish(after_update_);
    }
    if (to_take_ == 0) return moved;
    moved = true;
    const ServeDecision decision = server_.take(next_to_take());
    if (decision.applied.empty()) {
      publish(decision.answered);
      continue;
    }
    after_update_ = decision.answered;
    const auto time_s = [&](const Compute& compute) {
      return run_.simulated->compute_s(run_.program, run_.rank, decision.iteration, run_.op_of({.op = op_}), compute);
    };
    const auto members = static_cast<double>(decision.applied.size());
    const double unpack_s = serve_.unpack ? time_s(*serve_.unpack) : 0, add_s = members > 1 ? time_s(serve_.add) : 0;
    update_.emplace(members * unpack_s + (members - 1) * add_s + time_s(serve_.update));
  }
}

bool Serving::is_over(int iteration) const {
  const std::lock_guard lock(mutex_);
  if (iteration + 1 < run_.iterations) return over_ > iteration;
  return over_ > iteration && to_answer_.empty() &&
         std::ranges::none_of(desks_, [](const Desk& desk) { return desk.answer.has_value(); });
}

void Serving::collect(std::vector<Pending*>& pending) {
  for (Desk& desk : desks_)
    for (std::optional<Steps>* steps : {&desk.push, &desk.answer})
      if (*steps) (*steps)->collect(pending);
  if (update_) update_->collect(pending);
}

std::vector<int> Serving::awaited_ranks() const {
  std::vector<int> ranks;
  for (const Desk& desk : desks_)
    if (desk.push || desk.answer) ranks.push_back(desk.rank);
  return ranks;
}

std::string Serving::awaited() const {
  std::string words;
  for (const Desk& desk : desks_)
    if (desk.push || desk.answer)
      words += cat(words.empty() ? "" : ", ", "rank ", desk.rank, desk.push ? " to push" : " to take weights");
  return words;
}

}  // namespace convoy
