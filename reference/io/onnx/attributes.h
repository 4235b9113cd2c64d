/// Attributes: what an operator of an ONNX file is set to, checked, with messages that name file, node and operator.
#pragma once

#include <array>
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "reference/io/onnx/graph.h"
#include "reference/model/layer.h"

namespace convoy {

class OnnxAttributes {
 public:
  OnnxAttributes(const OnnxNode& node, const std::string& file) : node_(node), file_(file) {}

  /// An InputError about this node.
  template <class... Parts>
  [[noreturn]] void refuse(const Parts&... why) const {
    throw InputError(cat("'", file_, "', node '", node_.name, "' (", node_.op, "): ", why...));
  }
  [[nodiscard]] double number(const std::string& name, double otherwise) const;
  /// A whole number from `least` to a million.
  [[nodiscard]] int integer(const std::string& name, int otherwise, int least = 0) const;
  /// So many whole numbers; `otherwise` when the attribute is missing.
  [[nodiscard]] std::vector<int> integers(const std::string& name, const std::vector<int>& otherwise, int least = 0) const;
  /// The window of a convolution or a pooling, from kernel_shape, strides, dilations, pads, auto_pad and ceil_mode.
  /// `padding` is what a Pad before it added above, left, below and right.
  [[nodiscard]] Window window(const std::vector<int>& kernel, const std::array<int, 4>& padding) const;
  /// Refuses the node unless the attribute is missing or has this value.
  void require_integer(const std::string& name, std::int64_t value) const;

 private:
  const OnnxNode& node_;
  const std::string& file_;
};

}  // namespace convoy
