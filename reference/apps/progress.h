/// How far a training run is, on stderr: a bar that moves when stderr is a terminal, a line every tenth of an epoch otherwise.
#pragma once

#include "reference/train/trainer.h"

namespace convoy {

class ProgressDisplay {
 public:
  explicit ProgressDisplay(int epochs);
  /// Called after every step.
  void show(const Progress& progress);

 private:
  void draw_bar(const Progress& progress) const;
  void print_line(const Progress& progress) const;

  int epochs_;
  bool is_terminal_;
  double drawn_at_s_ = -1;           ///< when the bar was last drawn, since the epoch began
  std::int64_t printed_tenths_ = 0;  ///< of the epoch
};

}  // namespace convoy
