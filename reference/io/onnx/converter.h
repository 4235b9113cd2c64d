/// OnnxConverter: the operators of an ONNX file, node by node, become the layers of a Model. Internal to to_model().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reference/io/onnx/attributes.h"
#include "reference/io/onnx/to_model.h"

namespace convoy {

class OnnxConverter {
 public:
  OnnxConverter(OnnxGraph graph, const std::string& file);

  ReadModel run(const std::string& model_name);

 private:
  /// What a name of the graph stands for: the output of a node, or the images.
  struct Tensor {
    int node = kImages;
    std::array<int, 4> padding = {};  ///< zeros around it, above, left, below, right, that a Pad asks for
    bool is_matrix = false;           ///< seen as [N, features]
    int groups = 0;                   ///< not 0: seen as [N, groups, C/groups, H, W], on the way to a shuffle of channels
    bool transposed = false;          ///< seen as [N, C/groups, groups, H, W]
  };
  /// Learned values by the name of the parameter; they lie in constants_ or in transposed_, whose elements stay where they are.
  using Learned = std::map<std::string, const std::vector<double>*>;

  // to_model.cpp: which nodes are needed, in which order they are read, and what comes out
  void find_needed();
  [[nodiscard]] bool needed(const OnnxNode& node) const;
  void read_images();
  void convert(const OnnxNode& node);
  using Operator = void (OnnxConverter::*)(const OnnxNode&);
  static const std::map<std::string, Operator>& operators();
  ReadModel finish();
  void collect(const std::vector<Parameter>& tensors, std::vector<double>& values) const;

  // converter.cpp: names, operands and results of a node
  std::string unused_name(std::string name);
  /// PyTorch's name of the layer whose weight this is, else the name of its module.
  std::string name_of(const OnnxNode& node);
  [[nodiscard]] const OnnxTensor* constant(const OnnxNode& node, std::size_t i) const;
  const OnnxTensor& learned(const OnnxNode& node, std::size_t i, const char* what) const;
  std::vector<std::int64_t> integers_of(const OnnxNode& node, const OnnxTensor& listed) const;
  const Tensor& tensor(const OnnxNode& node, std::size_t i) const;
  /// The same where zeros around it are not welcome.
  int plain(const OnnxNode& node, std::size_t i) const;
  void refuse_grouped(const OnnxNode& node, const Tensor& x) const;
  [[nodiscard]] Shape shape_of(int node) const;
  [[nodiscard]] OnnxAttributes at(const OnnxNode& node) const;
  void emit(const OnnxNode& node, Layer layer, std::vector<int> inputs, Learned values = {}, bool is_matrix = false,
            std::size_t output = 0);
  void alias(const OnnxNode& node, Tensor x);
  int small(const OnnxNode& node, std::int64_t extent) const;

  // constants.cpp: what a file calculates from known numbers
  /// Shapes that a file calculates from the shape of a tensor: what this takes with known numbers becomes a value. The batch,
  /// which is open, is -1.
  bool fold(const OnnxNode& node);
  static std::optional<OnnxTensor> folded(const std::string& op, const std::vector<const OnnxTensor*>& values);
  void define(const OnnxNode& node, OnnxTensor value);
  void constant_value(const OnnxNode& node);
  void identity(const OnnxNode& node);

  // read_layers.cpp: layers that learn, poolings, normalisations
  void conv(const OnnxNode& node);
  void gemm(const OnnxNode& node);
  void mat_mul(const OnnxNode& node);
  /// y = x w (+ b), w being [features, outputs], or [outputs, features] when it is transposed already.
  void linear(const OnnxNode& node, bool transposed, bool bias);
  /// The values of a matrix, transposed.
  const std::vector<double>& transposed_values(const OnnxTensor& w);
  void batch_norm(const OnnxNode& node);
  void max_pool(const OnnxNode& node);
  void average_pool(const OnnxNode& node);
  void global_average_pool(const OnnxNode& node);
  void reduce_mean(const OnnxNode& node);
  void local_response_norm(const OnnxNode& node);
  void dropout(const OnnxNode& node);
  void softmax(const OnnxNode& node);

  // read_functions.cpp: what goes element by element
  void element_wise(const OnnxNode& node, const Layer& layer);
  void relu(const OnnxNode& node);
  void sigmoid(const OnnxNode& node);
  void tanh(const OnnxNode& node);
  void hard_swish(const OnnxNode& node);
  void hard_sigmoid(const OnnxNode& node);
  void clip(const OnnxNode& node);
  /// A number that is an attribute in old files and an input in others; `otherwise` where it is neither.
  double limit(const OnnxNode& node, const std::string& attribute, std::size_t input, double otherwise) const;
  /// x sigmoid(x) is SiLU and x hard_sigmoid(x) is hard swish, as PyTorch exports them; else the channels of an image times a
  /// number each.
  void mul(const OnnxNode& node);
  /// Whether node `gate` is a sigmoid, hard or not, of what node `x` makes.
  [[nodiscard]] bool gates(int gate, int x) const;
  /// Of two tensors, or a bias that follows a MatMul.
  void add(const OnnxNode& node);
  void sum(const OnnxNode& node);
  void several(const OnnxNode& node, Layer layer);

  // read_shapes.cpp: what moves, cuts and joins
  /// The channels of each output; they are equally many where the file does not say how many.
  void split(const OnnxNode& node);
  /// Some channels, one after the other.
  void slice(const OnnxNode& node);
  /// Swapped groups and channels: the middle of a shuffle.
  void transpose(const OnnxNode& node);
  void concat(const OnnxNode& node);
  void flatten(const OnnxNode& node);
  /// [N,C,H,W] seen as [N, C*H*W]: the layers behind it do that by themselves, but for Add and Concat, which see the difference.
  void as_matrix(const OnnxNode& node);
  void reshape(const OnnxNode& node);
  /// [N,C,H,W] to [N, groups, C/groups, H, W], or back behind a Transpose.
  bool reshapes_to_shuffle(const OnnxNode& node, const std::vector<double>& to);
  void squeeze(const OnnxNode& node);
  void pad(const OnnxNode& node);

  OnnxGraph graph_;
  const std::string& file_;
  std::map<std::string, OnnxTensor>& constants_;  ///< of graph_; Constant adds to them
  std::deque<std::vector<double>> transposed_;
  std::map<std::string, Tensor> tensors_;
  std::map<std::string, int> readers_;
  std::set<std::string> wanted_;
  std::set<std::string> names_;
  Model model_;
  std::vector<Shape> shapes_;    ///< outputs of the nodes for one image
  std::vector<Learned> values_;  ///< by node
};

}  // namespace convoy
