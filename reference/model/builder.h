/// Builder: writes down a network as a list of layers, each reading the one before it.
#pragma once

#include <string>
#include <utility>

#include "reference/model/model.h"

namespace convoy {

class ModelBuilder {
 public:
  ModelBuilder(std::string name, Shape image, int classes) { model_ = {std::move(name), image, classes, {}}; }
  /// Appends a layer that reads the last one (the images for the first). Returns its index.
  int add(std::string name, Layer layer) {
    return add(std::move(name), std::move(layer), {static_cast<int>(model_.nodes.size()) - 1});
  }
  /// Appends a layer that reads the nodes with these indices. Returns its own.
  int add(std::string name, Layer layer, std::vector<int> inputs) {
    model_.nodes.push_back({std::move(name), std::move(layer), std::move(inputs)});
    return static_cast<int>(model_.nodes.size()) - 1;
  }
  /// Appends the loss, checks the network and hands it over.
  Model finish(const SoftmaxCrossEntropy& loss = {}) {
    add("loss", loss);
    check(model_);
    return std::move(model_);
  }

 private:
  Model model_;
};

}  // namespace convoy
