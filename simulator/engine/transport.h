/// Transport: how simulated messages move between actors.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>

#include "simulator/engine/machine.h"

namespace convoy {

/// What tells messages between two ranks apart. Messages with the same tag follow each other in the same order at both ends
/// (iteration after iteration, round after round), so the first sent is the first received.
struct MessageTag {
  bool collective = false;
  int id = 0;    ///< of the message or of the collective
  int axis = 0;  ///< of the collective
  auto operator<=>(const MessageTag&) const = default;
};

/// One half of a message, as the rank that calls move() sees it.
struct Half {
  int peer = 0;
  MessageTag tag;
  std::int64_t bytes = 0;
};

class Transport {
 public:
  explicit Transport(const SimulatedMachine& machine) : machine_(machine) {}
  /// For an actor of `rank`: sends and receives at the same time. Returns when both messages have moved.
  void move(int rank, const std::optional<Half>& send, const std::optional<Half>& recv);

 private:
  /// From one rank to another with one tag.
  struct Channel {
    int to = 0;
    bool is_flow = false;  ///< goes through links
    bool is_work = false;  ///< keeps cores of the receiver busy
    LinkModel link;        ///< when idle
    sg::s4u::Mailbox* mailbox = nullptr;
    // Only for messages that are work. Each holds a token for every message that got there.
    sg::s4u::SemaphorePtr sender_is_here;
    sg::s4u::SemaphorePtr has_moved;
  };
  const Channel& channel(int from, int to, const MessageTag& tag);
  [[nodiscard]] Channel make_channel(int from, int to, const MessageTag& tag) const;
  void receive(const Channel& channel, std::int64_t bytes) const;

  const SimulatedMachine& machine_;
  std::map<std::tuple<int, int, MessageTag>, Channel> channels_;
};

}  // namespace convoy
