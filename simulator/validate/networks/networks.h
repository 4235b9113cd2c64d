/// Networks of published measurements: those of the zoo, and shapes of others that only occur there.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "reference/model/model.h"

namespace convoy {

/// The name under which measured_network() knows a network: capitals, signs and the various spellings of sources left aside
/// ("ResNet-50 v1.5", "Inception V3", "VGG-A (11 layers)", "inceptionv1", "torchvision vgg16_bn"). Nothing for a network that is
/// not known.
///
/// A ResNet is torchvision's, whose stride stands in the 3x3 convolution, whatever the source has.
std::optional<std::string> network_name(const std::string& words);

/// The network of a name that network_name() gave, for square images of this size; 0: as published. What is not in the zoo is
/// written down here layer by layer from its paper, for its shapes. Throws InputError for images that are too small.
Model measured_network(const std::string& name, int image_px = 0);
/// The names of those that are not in the zoo.
std::vector<std::string_view> other_networks();

}  // namespace convoy
