/// The networks that come with Convoy.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "reference/model/model.h"

namespace convoy {

/// What may differ from the published network. Pooling before the linear layers adapts where the network has one that does.
struct ModelOptions {
  int classes = 0;                  ///< 0: as published
  std::optional<Shape> image = {};  ///< one sample [1,C,H,W]; nothing: as published
};

/// One row of the zoo.
struct ZooEntry {
  std::string_view name;
  Model (*build)(const ModelOptions& options);
  std::int64_t published_parameters;  ///< the count in the literature or of torchvision; a test compares
  std::string_view source;

  [[nodiscard]] Model make(const ModelOptions& options = {}) const { return build(options); }
};

std::span<const ZooEntry> zoo();

/// The network of this name; an InputError names the nearest, or says which layer the images are too small for.
Model make_model(std::string_view name, const ModelOptions& options = {});

/// What torchvision calls the layer of a node, so that its weights are NAME.weight and so on. Networks that torchvision has use
/// its names, but for VGG's, which are numbered by block here; where torchvision has no such network, the node's own name.
std::string torchvision_name(const Model& model, int node);

/// LeCun et al. 1998 with ReLU and max pooling; images 1x28x28, 10 classes.
Model make_lenet5(const ModelOptions& options = {});
/// Krizhevsky 2014, the one-tower AlexNet that torchvision has; images 3x224x224, 1,000 classes, as all below unless they say so.
Model make_alexnet(const ModelOptions& options = {});
/// Simonyan and Zisserman 2015: configurations A, D and E, without BatchNorm2d.
Model make_vgg11(const ModelOptions& options = {});
Model make_vgg16(const ModelOptions& options = {});
Model make_vgg19(const ModelOptions& options = {});
/// Szegedy et al. 2015 with BatchNorm2d, as torchvision has it: 3x3 where the paper has 5x5. _aux has both auxiliary heads, whose
/// losses count 0.3.
Model make_googlenet(const ModelOptions& options = {});
Model make_googlenet_aux(const ModelOptions& options = {});
/// Szegedy et al. 2016; images 3x299x299. _aux has the auxiliary head, whose loss counts 0.4.
Model make_inception_v3(const ModelOptions& options = {});
Model make_inception_v3_aux(const ModelOptions& options = {});
/// He et al. 2016, section 4.2: for images of CIFAR-10, 3x32x32, 10 classes; shortcuts between stages are projections (the
/// paper's option B).
Model make_resnet20(const ModelOptions& options = {});
Model make_resnet56(const ModelOptions& options = {});
/// He et al. 2016, table 1; where blocks have a bottleneck, its 3x3 convolution has the stride ("v1.5"), as in torchvision.
Model make_resnet18(const ModelOptions& options = {});
Model make_resnet34(const ModelOptions& options = {});
Model make_resnet50(const ModelOptions& options = {});
Model make_resnet101(const ModelOptions& options = {});
Model make_resnet152(const ModelOptions& options = {});
/// Xie et al. 2017: 32 groups of 4 channels.
Model make_resnext50(const ModelOptions& options = {});
/// Huang et al. 2017: growth 32.
Model make_densenet121(const ModelOptions& options = {});
/// Iandola et al. 2016, version 1.1 of its authors.
Model make_squeezenet1_1(const ModelOptions& options = {});
/// Howard et al. 2017, width 1.0.
Model make_mobilenet_v1(const ModelOptions& options = {});
/// Sandler et al. 2018, width 1.0.
Model make_mobilenet_v2(const ModelOptions& options = {});
/// Howard et al. 2019, tables 1 and 2.
Model make_mobilenet_v3_large(const ModelOptions& options = {});
Model make_mobilenet_v3_small(const ModelOptions& options = {});
/// Tan and Le 2019, B0; without stochastic depth, which leaves out whole blocks in training.
Model make_efficientnet_b0(const ModelOptions& options = {});
/// Ma et al. 2018, width 1.0.
Model make_shufflenet_v2(const ModelOptions& options = {});

}  // namespace convoy
