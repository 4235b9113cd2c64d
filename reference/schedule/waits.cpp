#include "reference/schedule/waits.h"

#include <algorithm>

namespace convoy {

Waits::Waits(const Schedule& schedule, const Timeline& timeline) : schedule_(schedule) {
  for (const Interval& i : timeline.intervals) {
    if (const auto* collective = std::get_if<Collective>(&op_of(i).action)) {
      const auto [found, fresh] = last_s_.try_emplace(key(i, *collective), i.start_s);
      if (!fresh) found->second = std::max(found->second, i.start_s);
    } else if (const auto* exchange = std::get_if<Exchange>(&op_of(i).action)) {
      if (exchange->send) ends_s_[key(i, *exchange->send, true)][0] = i.start_s;
      if (exchange->recv) ends_s_[key(i, *exchange->recv, false)][1] = i.start_s;
    }
  }
}

Wait Waits::of(const Interval& i) const {
  if (std::holds_alternative<Serve>(op_of(i).action)) return {.bubble_s = i.end_s - i.start_s};
  double last_s = i.start_s;
  bool only_receives = false;
  if (const auto* collective = std::get_if<Collective>(&op_of(i).action)) {
    last_s = last_s_.at(key(i, *collective));
  } else if (const auto* exchange = std::get_if<Exchange>(&op_of(i).action)) {
    if (exchange->send) last_s = std::max(last_s, ends_s_.at(key(i, *exchange->send, true))[1]);
    if (exchange->recv) last_s = std::max(last_s, ends_s_.at(key(i, *exchange->recv, false))[0]);
    only_receives = !exchange->send;
  }
  const double wait_s = std::clamp(last_s, i.start_s, i.end_s) - i.start_s;
  return only_receives ? Wait{.bubble_s = wait_s} : Wait{.partners_s = wait_s};
}

const Op& Waits::op_of(const Interval& i) const { return schedule_.program(i.rank).ops[static_cast<std::size_t>(i.op)]; }

Waits::Key Waits::key(const Interval& i, const Collective& collective) const {
  const int first = schedule_.mesh.neighbour(i.rank, collective.axis, -schedule_.mesh.coordinate(i.rank, collective.axis));
  return {i.iteration, first, collective.axis, collective.id};
}

Waits::Key Waits::key(const Interval& i, const Message& message, bool sends) const {
  const int peer = schedule_.mesh.neighbour(i.rank, message.peer.axis, message.peer.offset);
  return {i.iteration, sends ? i.rank : peer, sends ? peer : i.rank, message.id};
}

}  // namespace convoy
