/// Messages: point-to-point messages of a schedule over MPI, cut into pieces.
#pragma once

#include <mpi.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "reference/core/tensor.h"
#include "reference/schedule/schedule.h"

namespace convoy {

/// Tags: which number names a message. MPI matches by sender, communicator and tag, and promises that two messages of one sender
/// with one tag are received in the order in which they were sent ("non-overtaking", MPI 4.0, 3.5). Every message id and every
/// channel of a collective of a schedule gets a tag of its own. What shares a tag, the iterations of one op, the rounds of one
/// channel, and the pieces of one message, is posted by both ends in that one order, since an op ends before the same op of the
/// next iteration begins. Thus id, iteration, round and piece match, and none of them by luck. Ids may be any numbers while tags
/// end at MPI_TAG_UB, so tags count the ids in increasing order, which all ranks do alike.
class MessageTags {
 public:
  /// Throws std::invalid_argument when there are more ids than tags.
  MessageTags(const Schedule& schedule, int tag_limit);
  [[nodiscard]] int of_message(int id) const { return tags_.at({-1, id, 0}); }
  [[nodiscard]] int of_collective(int axis, int id, int channel) const { return tags_.at({axis, id, channel}); }

 private:
  std::map<std::tuple<int, int, int>, int> tags_;  ///< axis (-1: an Exchange), id and channel
};

/// One side of a message.
struct Half {
  int peer = 0;  ///< rank of the world
  std::byte* data = nullptr;
  std::int64_t bytes = 0;
};

/// A send and a receive that move at the same time.
struct Step {
  std::optional<Half> send;
  std::optional<Half> recv;
  OnReceive on_receive = OnReceive::copy;
  bool in_place = false;  ///< the same bytes are sent and received: a piece is put in place when what stood there has left
  /// Whether what arrives is put elsewhere first.
  [[nodiscard]] bool lands() const { return in_place || on_receive == OnReceive::add; }
};

/// A request of MPI, and how it ended.
struct Pending {
  MPI_Request request = MPI_REQUEST_NULL;
  MPI_Status status{};
  bool ended = false;
  /// Whether it has ended; asks MPI unless that is known.
  bool test();
};

/// Waits until one of these requests, none of which has ended, ends.
void wait_for_any(const std::vector<Pending*>& pending);

/// What is the same for all messages of an op.
struct MessageSettings {
  MPI_Comm comm = MPI_COMM_NULL;
  int tag = 0;  ///< of what is sent, and of what is received when recv_tag is -1
  int recv_tag = -1;
  DType dtype = DType::f32;
  std::int64_t piece_bytes = 0;  ///< a multiple of the size of an element
  bool synchronous = false;      ///< a send ends when it is being received, not when it is buffered
};

/// Steps under way, one after the other. Of each message several pieces are in flight at a time; pieces that are added, or
/// that take the place of what is sent, arrive in buffers small enough to stay in a cache.
class Steps {
 public:
  Steps(const MessageSettings& settings, std::int64_t count, std::function<Step(std::int64_t)> at);
  Steps(const Steps&) = delete;
  Steps& operator=(const Steps&) = delete;

  /// Starts what can start and finishes what has arrived. Returns whether anything moved.
  bool advance();
  [[nodiscard]] bool is_done() const { return index_ == count_; }
  /// What this rank's peers have taken so far.
  [[nodiscard]] std::int64_t sent_bytes() const { return sent_bytes_; }
  /// Adds the requests that are waited for.
  void collect(std::vector<Pending*>& pending) {
    for (Pieces* pieces : {&in_, &out_})
      for (Pending& each : pieces->requests)
        if (!each.ended) pending.push_back(&each);
  }
  /// The rank that is waited for, and "rank 1 to send" for messages to people.
  [[nodiscard]] int awaited_rank() const;
  [[nodiscard]] std::string awaited() const;

 private:
  /// The pieces of one half: `posted` bytes have been handed to MPI, `ended` of them have moved.
  struct Pieces {
    std::int64_t posted = 0;
    std::int64_t ended = 0;
    std::deque<Pending> requests;
  };
  /// Sends wait at the receiver without costing anything, and one that waits saves a round trip; receives take memory.
  static constexpr int kSendsInFlight = 32;
  static constexpr int kReceivesInFlight = 4;

  void begin_step();
  void note_peers() const;  ///< in rank_note()
  [[nodiscard]] bool step_is_done() const;
  [[nodiscard]] std::int64_t next_piece(const Half& half, std::int64_t from) const {
    return std::min(settings_.piece_bytes, half.bytes - from);
  }
  std::byte* landing_place(std::int64_t at);
  bool post_receives();
  bool post_sends();
  bool finish_receives();
  bool finish_sends();

  MessageSettings settings_;
  std::int64_t count_;
  std::function<Step(std::int64_t)> at_;
  std::int64_t index_ = 0;
  Step step_;
  Pieces out_, in_;
  std::int64_t sent_bytes_ = 0;
  AlignedArray<std::byte> landing_;  ///< kReceivesInFlight pieces, for what is not received where it belongs
};

/// The channels of a collective, all under way at the same time. An Exchange is one.
class Channels {
 public:
  /// One more; before advance().
  void add(const MessageSettings& settings, std::int64_t count, std::function<Step(std::int64_t)> at) {
    channels_.emplace_back(settings, count, std::move(at));
  }
  /// Moves whatever can move. Returns whether anything did.
  bool advance() {
    bool moved = false;
    for (Steps& each : channels_) moved |= each.advance();
    return moved;
  }
  [[nodiscard]] bool is_done() const {
    return std::all_of(channels_.begin(), channels_.end(), [](const Steps& each) { return each.is_done(); });
  }
  [[nodiscard]] std::int64_t sent_bytes() const {
    std::int64_t sum = 0;
    for (const Steps& each : channels_) sum += each.sent_bytes();
    return sum;
  }
  void collect(std::vector<Pending*>& pending) {
    for (Steps& each : channels_) each.collect(pending);
  }
  /// The first that is not done; the last when all are. There is one.
  [[nodiscard]] const Steps& waiting() const {
    const auto found = std::find_if(channels_.begin(), channels_.end(), [](const Steps& each) { return !each.is_done(); });
    return found == channels_.end() ? channels_.back() : *found;
  }

 private:
  std::deque<Steps> channels_;
};

}  // namespace convoy
