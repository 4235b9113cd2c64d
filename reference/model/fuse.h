/// Fusion: layers that one kernel can compute in one go become one node, before a schedule is made.
///
///   Conv2d, ReLU            one node, Conv2d::relu
///   Linear, ReLU            one node, Linear::relu
///   BatchNorm2d, ReLU       one node, BatchNorm2d::relu
///   BatchNorm2d, Add        one node that reads two, BatchNorm2d::adds; with a ReLU after it too
///   Add, ReLU               one node, Add::relu
///   Conv2d, BatchNorm2d     stay two, but the convolution sums up its output for the statistics: Conv2d::statistics
///
/// An intermediate tensor disappears, or is read once less: a step of a network that moves much and computes little spends its
/// time on that. It is allowed only where nobody else reads the intermediate tensor. The node keeps the name of the layer that
/// learns, and learned tensors keep their order, so weights and checkpoints of both models are interchangeable, and random
/// numbers are the same (Node::origin). What is computed is the same.
#pragma once

#include <functional>

#include "reference/model/model.h"

namespace convoy {

/// Whether node `absorbed` of a model may become part of node `into`, which it reads.
using MayFuse = std::function<bool(int into, int absorbed)>;

/// The model with everything fused that the table above lists and `may_fuse` allows (all, when it is empty). A model that is
/// fused already stays as it is.
Model fuse(const Model& model, const MayFuse& may_fuse = {});

}  // namespace convoy
