/// EventQueue: what happens next.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace convoy {

/// Who an event is for.
enum class EventKind : std::uint8_t {
  op_ends,         ///< index: of a stream
  latency_ends,    ///< index: of a flow
  transfer_ends,   ///< index: of a flow
  cores_are_done,  ///< index: of a node
};

/// `stamp` lets the receiver tell an event that it still waits for from one that was overtaken.
struct Event {
  double time_s = 0;
  std::uint64_t order = 0;
  EventKind kind = EventKind::op_ends;
  std::uint32_t index = 0;
  std::uint64_t stamp = 0;
};

/// Events by time; those of the same time in the order in which they were pushed, so that every run is the same.
class EventQueue {
 public:
  [[nodiscard]] bool empty() const { return heap_.empty(); }
  [[nodiscard]] double next_s() const { return heap_.front().time_s; }
  void push(double time_s, EventKind kind, std::uint32_t index, std::uint64_t stamp = 0) {
    heap_.push_back({time_s, pushed_++, kind, index, stamp});
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  Event pop() {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    const Event event = heap_.back();
    heap_.pop_back();
    return event;
  }

 private:
  static bool later(const Event& a, const Event& b) { return a.time_s != b.time_s ? a.time_s > b.time_s : a.order > b.order; }
  std::vector<Event> heap_;
  std::uint64_t pushed_ = 0;
};

}  // namespace convoy
