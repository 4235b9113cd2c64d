/// ProgramOrder: which op of a rank is sure to end before which other begins, by streams and `after` alone.
#pragma once

#include <vector>

#include "reference/schedule/schedule.h"

namespace convoy {

/// Vector clocks (Mattern 1989) over two iterations: enough for every question about neighbouring iterations, since the rules
/// do not change from one to the next.
class ProgramOrder {
 public:
  /// `after` must point to earlier ops; see validate().
  explicit ProgramOrder(const Program& program);

  /// Whether op `first` of iteration 0 has ended before op `second` of iteration 0 (or of iteration 1, when `next`) begins.
  [[nodiscard]] bool before(int first, int second, bool next = false) const {
    return known(second, next, stream_of_[static_cast<std::size_t>(first)]) > place_[static_cast<std::size_t>(first)];
  }
  /// How many ops of `stream`, counted over both iterations, have ended before an op begins.
  [[nodiscard]] int known(int op, bool next, int stream) const {
    return clocks_[(static_cast<std::size_t>(op) + (next ? ops_ : 0)) * streams_ + static_cast<std::size_t>(stream)];
  }
  /// Position of an op among the ops of its stream in one iteration.
  [[nodiscard]] int place(int op) const { return place_[static_cast<std::size_t>(op)]; }

 private:
  std::size_t ops_ = 0;
  std::size_t streams_ = 0;
  std::vector<int> stream_of_;
  std::vector<int> place_;
  std::vector<int> clocks_;
};

}  // namespace convoy
