/// Layout: what lies where, for every node of a model under a plan.
#pragma once

#include <vector>

#include "reference/model/model.h"
#include "reference/plans/placement.h"
#include "reference/plans/plan.h"
#include "reference/plans/rule.h"

namespace convoy {

struct NodeLayout {
  std::vector<Rule> rules;       ///< by axis
  std::vector<State> inputs;     ///< what forward needs
  State made;                    ///< as forward makes the output
  State output;                  ///< as consumers get it: `made`, with sums added up
  State given_dy;                ///< what backward needs
  std::vector<State> dx;         ///< the gradients of the inputs as backward makes them
  State weight, bias;            ///< see NodePlacement
  std::vector<int> summed_over;  ///< axes over which the gradients of its learned tensors have to be summed
  std::vector<int> apart;        ///< axes on which ranks have statistics of their own (BatchNorm2d)
  std::vector<int> together;     ///< axes over which statistics are summed
};

struct Layout {
  State images;  ///< as they are loaded
  std::vector<NodeLayout> nodes;
  std::vector<Shape> outputs;  ///< whole shapes, with the images of one share of the batch
};

/// The layout of a share of `batch` images. The batch axis of the plan divides the images before everything else: on it
/// everything is Replicate here. Throws an InputError that names the node when a rule cannot be followed.
Layout layout_of(const Model& model, const Plan& plan, int batch);

/// Shapes of what a node reads.
std::vector<Shape> input_shapes(const Model& model, int node, const std::vector<Shape>& outputs, int batch);

}  // namespace convoy
