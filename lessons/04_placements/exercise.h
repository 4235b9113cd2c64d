/// The exercise of lesson 4.
#pragma once

#include "reference/plans/rule.h"

namespace convoy::lesson {

/// What happens on an edge, in one direction.
enum class Move { nothing, all_gather, reduce_scatter, all_reduce, exchange };

/// A convolution that makes a tensor, and a convolution that reads it. Rules: replicate, filter, channel and spatial.
struct Edge {
  Rule maker = Rule::replicate;
  Rule reader = Rule::replicate;
  int window_rows = 1;  ///< of the reader: 3 for a 3x3 window
};

struct Moves {
  Move forward = Move::nothing;   ///< of the tensor
  Move backward = Move::nothing;  ///< of its gradient
};

/// The communication of an edge. A rank that has all of a tensor takes a part of it without any. Not asked: edges from replicate
/// or channel to spatial with a window of several rows; their gradients need an exchange and then an all-gather.
Moves moves(const Edge& edge);

}  // namespace convoy::lesson
