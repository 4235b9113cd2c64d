/// PostOffice: rendezvous messages between the threads of one process, without a copy in between.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <unordered_map>
#include <utility>
#include <vector>

namespace convoy {

/// Names a message between two ranks. Equal at both ends, and different for any two messages that are under way together.
struct MessageName {
  int from = 0;
  int to = 0;
  int axis = -1;  ///< of the collective, -1 for an Exchange
  int id = 0;     ///< of the collective or message
  int iteration = 0;
  std::int64_t round = 0;
  int channel = 0;
  friend bool operator==(const MessageName&, const MessageName&) = default;
};

/// Thrown in every thread that waits when another one has failed.
class Stopped : public std::runtime_error {
 public:
  Stopped() : std::runtime_error("stopped, because another rank failed") {}
};

/// Thrown when the other end has not come in time.
class TimedOut : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class PostOffice {
 public:
  PostOffice(int ranks, double time_out_s) : inboxes_(static_cast<std::size_t>(ranks)), time_out_(time_out_s) {}

  /// Elements on offer: they must stay as they are until the receiver has said it is done with them.
  struct Letter {
    const std::byte* data = nullptr;
    std::int64_t bytes = 0;
    int from = 0;
    std::uint64_t arrival = 0;  ///< letters to one rank, in the order in which they were offered
    bool read = false;  ///< guarded by the sender's inbox
  };

  /// Offers a region to its receiver and returns at once.
  std::shared_ptr<Letter> offer(const MessageName& name, const std::byte* data, std::int64_t bytes);
  /// Waits for a message to be offered.
  std::shared_ptr<Letter> wait_for_offer(const MessageName& name);
  /// Waits for any of these to be offered, all to the same rank; of several the one that was first. Returns its place in `names`.
  std::pair<std::size_t, std::shared_ptr<Letter>> wait_for_any(const std::vector<MessageName>& names);
  /// Tells the sender that its elements are no longer needed.
  void done_reading(Letter& letter);
  /// Waits until the receiver is done reading.
  void wait_until_read(const MessageName& name, const Letter& letter);
  /// Wakes every thread that waits; they throw Stopped.
  void stop();

 private:
  struct HashName {
    std::size_t operator()(const MessageName& name) const;
  };
  struct Inbox {
    std::mutex mutex;
    std::condition_variable changed;
    std::unordered_map<MessageName, std::shared_ptr<Letter>, HashName> letters;
    std::uint64_t arrivals = 0;
  };
  /// Waits on an inbox until `ready()`; throws Stopped or TimedOut.
  template <class Ready>
  void wait(Inbox& inbox, std::unique_lock<std::mutex>& lock, const Ready& ready, const char* what, int peer);

  std::vector<Inbox> inboxes_;
  std::chrono::duration<double> time_out_;
  std::atomic<bool> stopped_ = false;
};

}  // namespace convoy
