#include "reference/schedule/order.h"

#include <algorithm>

namespace convoy {

ProgramOrder::ProgramOrder(const Program& program)
    : ops_(program.ops.size()), streams_(static_cast<std::size_t>(program.stream_count())), clocks_(2 * ops_ * streams_, 0) {
  std::vector<int> length(streams_, 0);
  for (const Op& op : program.ops) {
    stream_of_.push_back(op.stream);
    place_.push_back(length[static_cast<std::size_t>(op.stream)]++);
  }
  std::vector<int> last_on_stream(streams_, -1);  // unrolled index of the op that ran last on each stream
  for (std::size_t unrolled = 0; unrolled < 2 * ops_; ++unrolled) {
    const std::size_t iteration = unrolled / ops_;
    const Op& op = program.ops[unrolled % ops_];
    int* clock = &clocks_[unrolled * streams_];
    const auto follow = [&](std::size_t earlier) {
      const std::size_t stream = static_cast<std::size_t>(stream_of_[earlier % ops_]);
      for (std::size_t s = 0; s < streams_; ++s) clock[s] = std::max(clock[s], clocks_[earlier * streams_ + s]);
      const int ended = place_[earlier % ops_] + 1 + static_cast<int>(earlier / ops_) * length[stream];
      clock[stream] = std::max(clock[stream], ended);
    };
    int& last = last_on_stream[static_cast<std::size_t>(op.stream)];
    if (last >= 0) follow(static_cast<std::size_t>(last));
    for (const int id : op.after) follow(static_cast<std::size_t>(id) + iteration * ops_);
    last = static_cast<int>(unrolled);
  }
}

}  // namespace convoy
