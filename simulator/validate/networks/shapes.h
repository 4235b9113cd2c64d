/// Networks that only occur in published measurements, layer by layer from their papers; 0 pixels: images as published.
#pragma once

#include <array>
#include <string>

#include "reference/model/model.h"

namespace convoy {

Model make_inception_bn(int image_px);
Model make_inception_v4(int image_px);
Model make_inception_resnet_v2(int image_px);
Model make_overfeat(int image_px);
Model make_squeezenet1_0(int image_px);

/// Simonyan and Zisserman 2015: so many 3x3 convolutions in each of the five stages, with BatchNorm2d or as published.
Model make_vgg(const std::string& name, const std::array<int, 5>& convolutions, bool norm, int image_px);

/// Huang et al. 2017, table 1.
Model make_densenet(const std::string& name, int growth, const std::array<int, 4>& layers, int image_px);

/// He et al. 2016, Xie et al. 2017, Hu et al. 2018: bottlenecks of `width` channels in `groups`, both of the first stage.
struct Bottlenecks {
  std::array<int, 4> blocks;
  int groups = 1;
  int width = 64;
  bool squeezes = false;  ///< squeeze-and-excitation in every block
};
Model make_bottlenecks(const std::string& name, const Bottlenecks& shape, int image_px);

/// He et al. 2016, section 4.2, for CIFAR-10: three stages of so many blocks.
Model make_cifar_resnet(const std::string& name, int blocks, int image_px);

/// The ResNet of ArcFace, which makes an embedding of 512.
Model make_face_resnet(const std::string& name, const std::array<int, 4>& blocks, int image_px);

/// Tan and Le 2019: B0 made wider, deeper and larger by the factors of its code.
struct Scaled {
  double width = 1;
  double depth = 1;
  int image_px = 224;
};
Model make_efficientnet(const std::string& name, const Scaled& scaled, int image_px);

}  // namespace convoy
