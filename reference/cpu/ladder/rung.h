/// Rung: one step of a ladder, from the plain loop to the kernel in use. Every rung has one idea more than the one below it.
///
/// A rung is a file `OP/N_IDEA.h` with one function, and a row in `OP.cpp` (gradients: `OP_backward.cpp`, or beside forward); the
/// last rung calls the kernel of the library. To add a rung, write both: convoy-ladder then checks and measures it. All rungs run
/// on one thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "reference/core/tensor.h"
#include "reference/cpu/blocked/view.h"
#include "reference/model/layer.h"

namespace convoy::cpu::ladder {

/// Operands in the layout [N,C,H,W], and in nChw16c for rungs that want it. What a rung does not need it leaves alone. Of the
/// results there is the one that the ladder's pass has: y forward, dx of the input gradient, dw of the weight gradient.
struct Operands {
  View<const float> x, w, b, dy;
  View<float> y, dx;  ///< overwritten
  View<float> dw;     ///< accumulated
  blocked::BlockedView<const float> x_blocked, dy_blocked;
  blocked::BlockedView<float> y_blocked, dx_blocked;  ///< overwritten by rungs with `blocked`
};

/// One rung.
struct Rung {
  int number = 0;
  std::string_view idea;
  void (*run)(const Layer& layer, const Operands& operands);
  bool blocked = false;  ///< writes its result in nChw16c
};

/// What a ladder is measured with.
struct Size {
  Layer layer;
  Shape x;
  std::string_view where;  ///< the network and layer that has this size
};

/// One pass of one op with its rungs.
struct Ladder {
  std::string_view op;
  std::string_view what;  ///< a line about the op
  std::span<const Rung> rungs;
  std::vector<Size> (*measured)();  ///< sizes that networks have
  std::vector<Size> (*checked)();   ///< small sizes that no block divides
  Pass pass = Pass::forward;
};

/// All ladders, defined in the files named after their ops.
extern const Ladder conv2d, conv2d_backward_input, conv2d_backward_weights;
extern const Ladder depthwise;
extern const Ladder linear, linear_backward_input, linear_backward_weights;
extern const Ladder batch_norm2d;
extern const Ladder max_pool2d, max_pool2d_backward_input;

}  // namespace convoy::cpu::ladder
