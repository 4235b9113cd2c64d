/// The networks that come with Convoy.
#pragma once

#include <span>
#include <string_view>

#include "reference/model/model.h"

namespace convoy {

/// One row of the zoo.
struct ZooEntry {
  std::string_view name;
  Model (*make)();
  std::int64_t published_parameters;  ///< the count in the literature; a test compares
  std::string_view source;
};

std::span<const ZooEntry> zoo();

/// The network of this name; an InputError names the nearest.
Model make_model(std::string_view name);

Model make_lenet5();  ///< LeCun et al. 1998 with ReLU and max pooling; images 1x28x28, 10 classes
/// He et al. 2016, section 4.2: 20 layers for images of CIFAR-10, 3x32x32, 10 classes; shortcuts between stages are projections
/// (the paper's option B).
Model make_resnet20();
Model make_vgg16();  ///< Simonyan and Zisserman 2015, configuration D; images 3x224x224, 1,000 classes

}  // namespace convoy
