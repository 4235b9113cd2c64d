/// Builder: writes down a network as a list of layers, each reading the one before it.
#pragma once

#include <string>
#include <utility>

#include "reference/model/model.h"
#include "reference/model/zoo.h"

namespace convoy {

class ModelBuilder {
 public:
  ModelBuilder(std::string name, Shape image, int classes) { model_ = {std::move(name), image, classes, {}}; }
  /// A network that is published for `image` and `classes`, for what the options say.
  ModelBuilder(std::string name, const ModelOptions& options, Shape image, int classes)
      : ModelBuilder(std::move(name), options.image.value_or(image), options.classes > 0 ? options.classes : classes) {}

  /// Appends a layer that reads the last one (the images for the first). Returns its index.
  int add(std::string name, Layer layer) { return add(std::move(name), std::move(layer), {last()}); }
  /// Appends a layer that reads the nodes with these indices. Returns its own.
  int add(std::string name, Layer layer, std::vector<int> inputs) {
    model_.nodes.push_back({std::move(name), std::move(layer), std::move(inputs)});
    return last();
  }
  /// The index of the last node; kImages when there is none yet.
  [[nodiscard]] int last() const { return static_cast<int>(model_.nodes.size()) - 1; }
  /// What the last node makes of one image.
  [[nodiscard]] Shape shape() const { return model_.nodes.empty() ? model_.image : output_shapes(model_, 1).back(); }
  [[nodiscard]] int classes() const { return model_.classes; }
  /// Appends the loss, checks the network and hands it over.
  Model finish(const SoftmaxCrossEntropy& loss = {}) {
    add("loss", loss);
    check(model_);
    return std::move(model_);
  }

 private:
  Model model_;
};

/// What a convolution and the BatchNorm2d behind it are called.
struct ConvNormNames {
  std::string conv, norm;
};

/// A convolution of node `input` and a BatchNorm2d, which makes its bias superfluous: give it none. Returns the index of the
/// latter.
inline int add_conv_norm(ModelBuilder& net, const ConvNormNames& names, int input, const Conv2d& conv, double epsilon = 1e-5) {
  const int y = net.add(names.conv, conv, {input});
  return net.add(names.norm, BatchNorm2d{.epsilon = epsilon}, {y});
}

/// The convolution of the Inception networks: NAME.conv, NAME.bn with an epsilon of 1e-3, NAME.relu. Returns the last.
inline int add_basic_conv(ModelBuilder& net, const std::string& name, int input, int filters, const Window& window) {
  const int y = add_conv_norm(net, {name + ".conv", name + ".bn"}, input, {filters, window, false}, 1e-3);
  return net.add(name + ".relu", ReLU{}, {y});
}

}  // namespace convoy
