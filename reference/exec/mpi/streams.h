/// Streams: how far each stream of a rank is. Whoever ran an op moves its stream on, and whoever waits for ops looks here.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <vector>

#include "reference/schedule/schedule.h"

namespace convoy {

/// One op of one iteration.
struct OpRun {
  int op = 0;
  int iteration = 0;
};

class Streams {
 public:
  Streams(const Program& program, int iterations)
      : program_(program), iterations_(iterations), ops_(static_cast<std::size_t>(program.stream_count())), ended_(ops_.size()) {
    for (std::size_t i = 0; i < program.ops.size(); ++i) {
      std::vector<int>& mine = ops_[static_cast<std::size_t>(program.ops[i].stream)];
      place_.push_back(static_cast<int>(mine.size()));
      mine.push_back(static_cast<int>(i));
    }
    find_awaited();
  }

  [[nodiscard]] int count() const { return static_cast<int>(ops_.size()); }
  [[nodiscard]] const std::vector<int>& ops_of(int stream) const { return ops_[static_cast<std::size_t>(stream)]; }
  [[nodiscard]] bool at_end(int stream) const { return ended(stream) == total(stream); }
  [[nodiscard]] bool all_at_end() const {
    for (int s = 0; s < count(); ++s)
      if (!at_end(s)) return false;
    return true;
  }
  /// The op that a stream runs next; not at its end.
  [[nodiscard]] OpRun head(int stream) const {
    const std::int64_t at = ended(stream);
    const auto size = static_cast<std::int64_t>(ops_of(stream).size());
    return {ops_of(stream)[static_cast<std::size_t>(at % size)], static_cast<int>(at / size)};
  }
  /// Whether all that an op comes after has ended.
  [[nodiscard]] bool is_ready(const OpRun& run) const {
    for (const int earlier : program_.ops[static_cast<std::size_t>(run.op)].after) {
      const int stream = program_.ops[static_cast<std::size_t>(earlier)].stream;
      const auto size = static_cast<std::int64_t>(ops_of(stream).size());
      if (ended(stream) <= run.iteration * size + place_[static_cast<std::size_t>(earlier)]) return false;
    }
    return true;
  }
  /// The head of a stream has ended. Wakes the sleepers if one of them may be waiting for just that: waking costs microseconds of
  /// the core that computes.
  void advance(int stream) {
    const bool is_awaited = awaited_[static_cast<std::size_t>(head(stream).op)];
    ended_[static_cast<std::size_t>(stream)].fetch_add(1);
    if (is_awaited || at_end(stream)) wake();
  }

  void stop() {
    stopped_ = true;
    wake();
  }
  [[nodiscard]] bool stopped() const { return stopped_; }
  /// Sleeps until `ready()`, or until everything is stopped, or time is up. `ready()` may look at this object, and at atomics after
  /// whose change somebody calls wake().
  template <class Ready>
  void wait(const Ready& ready, std::chrono::microseconds longest = std::chrono::hours(1000)) {
    std::unique_lock lock(mutex_);
    ++sleepers_;  // before looking: whoever advances after we looked sees that somebody sleeps
    changed_.wait_for(lock, longest, [&] { return stopped_.load() || ready(); });
    --sleepers_;
  }
  /// Has the sleepers look again.
  void wake() {
    if (sleepers_ == 0) return;
    { const std::lock_guard lock(mutex_); }  // so that nobody looks before and sleeps after
    changed_.notify_all();
  }

 private:
  [[nodiscard]] std::int64_t ended(int stream) const { return ended_[static_cast<std::size_t>(stream)].load(); }
  [[nodiscard]] std::int64_t total(int stream) const {
    return std::int64_t{iterations_} * static_cast<std::int64_t>(ops_of(stream).size());
  }
  /// An op is awaited when one of another stream comes after it, or when another thread goes on with its own stream.
  void find_awaited() {
    awaited_.assign(program_.ops.size(), false);
    for (const Op& op : program_.ops)
      for (const int earlier : op.after)
        if (program_.ops[static_cast<std::size_t>(earlier)].stream != op.stream)
          awaited_[static_cast<std::size_t>(earlier)] = true;
    const auto is_compute = [&](int op) {
      return std::holds_alternative<Compute>(program_.ops[static_cast<std::size_t>(op)].action);
    };
    for (const std::vector<int>& ops : ops_)
      for (std::size_t i = 0; i < ops.size(); ++i) {
        const bool is_last = i + 1 == ops.size();
        if (is_compute(ops[i]) != is_compute(ops[is_last ? 0 : i + 1]) || (is_last && !is_compute(ops[i])))
          awaited_[static_cast<std::size_t>(ops[i])] = true;
      }
  }

  const Program& program_;
  int iterations_;
  std::vector<std::vector<int>> ops_;             ///< of each stream
  std::vector<int> place_;                        ///< of an op among those of its stream
  std::vector<bool> awaited_;                     ///< ops whose end another thread may be waiting for
  std::vector<std::atomic<std::int64_t>> ended_;  ///< ops of each stream that have ended, over all iterations
  std::atomic<int> sleepers_ = 0;
  std::atomic<bool> stopped_ = false;
  std::mutex mutex_;
  std::condition_variable changed_;
};

}  // namespace convoy
