/// Model: named nodes in topological order, and what follows from them: shapes, parameters, work.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "reference/model/layer.h"

namespace convoy {

/// Stands for the images where the index of a node is expected.
inline constexpr int kImages = -1;

/// One layer in place: a name and where its inputs come from.
struct Node {
  std::string name;
  Layer layer;
  std::vector<int> inputs = {kImages};  ///< indices of the nodes whose outputs are read; kImages for the images
  int origin = -1;  ///< index in the model before nodes were fused, from which random numbers are drawn; -1: this one's own
};

/// A network. Its last node is a SoftmaxCrossEntropy, by which answers are judged. Others before it are auxiliary heads: training
/// adds their losses, each times its weight, and evaluation leaves out what only they read.
struct Model {
  std::string name;
  Shape image{1, 1, 1, 1};  ///< one sample
  int classes = 0;
  std::vector<Node> nodes;
};

/// The index from which a node's random numbers are drawn: the same whether or not nodes were fused.
int origin_of(const Model& model, int node);

/// One learned tensor, at its place in the flat weights of the model.
struct Parameter {
  int node = 0;
  std::string name;  ///< "conv1.weight"
  Shape shape;
  std::int64_t offset = 0;  ///< elements from the start of the flat weights
};

/// Checks names, order and shapes; throws std::invalid_argument naming the node.
void check(const Model& model);

/// For every node whether the last one reads it, by way of others or not: what evaluation needs.
std::vector<bool> needed_for_answers(const Model& model);

/// Input shape of a node (of an Add the first; of a Concat all inputs as one) and output shapes of all nodes for a batch of this
/// many images.
Shape input_shape(const Model& model, int node, int batch);
std::vector<Shape> output_shapes(const Model& model, int batch);

/// All learned tensors, laid out in the order in which *backward* finishes their gradients (last layer first), so that a
/// bucket of gradients that are ready together is one contiguous region.
std::vector<Parameter> parameters(const Model& model);
/// Number of learned values.
std::int64_t parameter_count(const Model& model);
/// The running statistics of all BatchNorm2d nodes, in the order of the nodes, and how many values they are.
std::vector<Parameter> states(const Model& model);
std::int64_t state_count(const Model& model);

/// Work of a node for a batch.
Work work_of(const Model& model, int node, int batch, Pass pass, DType dtype);

/// Starting weights in the layout of parameters(): uniform in +-sqrt(6 / fan_in) for weights before a ReLU, which halves what
/// goes through (He et al. 2015), and in +-sqrt(1 / fan_in) for all others and for biases, as PyTorch does. The same seed gives
/// the same weights whatever the plan.
/// BatchNorm2d starts with weight 1 and bias 0.
std::vector<double> initial_weights(const Model& model, std::uint64_t seed);
/// Starting running statistics in the layout of states(): mean 0 and variance 1.
std::vector<double> initial_states(const Model& model);

/// Everything that training changes and evaluation needs.
struct ModelValues {
  std::vector<double> weights;  ///< as in parameters(model), one after the other
  std::vector<double> states;   ///< running statistics, as in states(model)
  friend bool operator==(const ModelValues&, const ModelValues&) = default;
};
/// What training starts with.
ModelValues initial_values(const Model& model, std::uint64_t seed);

}  // namespace convoy
