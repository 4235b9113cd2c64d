#include "simulator/validate/networks/networks.h"

#include <array>
#include <cstdlib>

#include "reference/core/error.h"
#include "reference/model/zoo.h"
#include "simulator/validate/networks/shapes.h"

namespace convoy {
namespace {

struct Other {
  const char* name;
  Model (*make)(const char* name, int image_px);
};

constexpr std::array kOthers = {
    Other{"inception_v4", [](const char*, int px) { return make_inception_v4(px); }},
    Other{"inception_bn", [](const char*, int px) { return make_inception_bn(px); }},
    Other{"inception_resnet_v2", [](const char*, int px) { return make_inception_resnet_v2(px); }},
    Other{"overfeat", [](const char*, int px) { return make_overfeat(px); }},
    Other{"squeezenet1_0", [](const char*, int px) { return make_squeezenet1_0(px); }},
    Other{"vgg11_bn",
          [](const char* name, int px) {
            return make_vgg(name, {1, 1, 2, 2, 2}, true, px);
          }},
    Other{"vgg13",
          [](const char* name, int px) {
            return make_vgg(name, {2, 2, 2, 2, 2}, false, px);
          }},
    Other{"vgg13_bn",
          [](const char* name, int px) {
            return make_vgg(name, {2, 2, 2, 2, 2}, true, px);
          }},
    Other{"vgg16_bn",
          [](const char* name, int px) {
            return make_vgg(name, {2, 2, 3, 3, 3}, true, px);
          }},
    Other{"vgg19_bn",
          [](const char* name, int px) {
            return make_vgg(name, {2, 2, 4, 4, 4}, true, px);
          }},
    Other{"densenet161",
          [](const char* name, int px) {
            return make_densenet(name, 48, {6, 12, 36, 24}, px);
          }},
    Other{"densenet169",
          [](const char* name, int px) {
            return make_densenet(name, 32, {6, 12, 32, 32}, px);
          }},
    Other{"densenet201",
          [](const char* name, int px) {
            return make_densenet(name, 32, {6, 12, 48, 32}, px);
          }},
    Other{"resnet200",
          [](const char* name, int px) {
            return make_bottlenecks(name, {{3, 24, 36, 3}}, px);
          }},
    Other{"resnet269",
          [](const char* name, int px) {
            return make_bottlenecks(name, {{3, 30, 48, 8}}, px);
          }},
    Other{"resnext101_32x4d",
          [](const char* name, int px) {
            return make_bottlenecks(name, {{3, 4, 23, 3}, 32, 128}, px);
          }},
    Other{"resnext101_32x8d",
          [](const char* name, int px) {
            return make_bottlenecks(name, {{3, 4, 23, 3}, 32, 256}, px);
          }},
    Other{"resnext101_64x4d",
          [](const char* name, int px) {
            return make_bottlenecks(name, {{3, 4, 23, 3}, 64, 256}, px);
          }},
    Other{"resnext152_32x4d",
          [](const char* name, int px) {
            return make_bottlenecks(name, {{3, 8, 36, 3}, 32, 128}, px);
          }},
    Other{"wide_resnet50_2",
          [](const char* name, int px) {
            return make_bottlenecks(name, {{3, 4, 6, 3}, 1, 128}, px);
          }},
    Other{"wide_resnet101_2",
          [](const char* name, int px) {
            return make_bottlenecks(name, {{3, 4, 23, 3}, 1, 128}, px);
          }},
    Other{"se_resnet50",
          [](const char* name, int px) {
            return make_bottlenecks(name, {{3, 4, 6, 3}, 1, 64, true}, px);
          }},
    Other{"se_resnext50_32x4d",
          [](const char* name, int px) {
            return make_bottlenecks(name, {{3, 4, 6, 3}, 32, 128, true}, px);
          }},
    Other{"se_resnext101_32x4d",
          [](const char* name, int px) {
            return make_bottlenecks(name, {{3, 4, 23, 3}, 32, 128, true}, px);
          }},
    Other{"resnet32", [](const char* name, int px) { return make_cifar_resnet(name, 5, px); }},
    Other{"resnet44", [](const char* name, int px) { return make_cifar_resnet(name, 7, px); }},
    Other{"resnet110", [](const char* name, int px) { return make_cifar_resnet(name, 18, px); }},
    Other{"resnet18_face", [](const char* name, int px) { return make_face_resnet(name, {2, 2, 2, 2}, px); }},
    Other{"resnet34_face", [](const char* name, int px) { return make_face_resnet(name, {3, 4, 6, 3}, px); }},
    Other{"resnet50_face", [](const char* name, int px) { return make_face_resnet(name, {3, 4, 14, 3}, px); }},
    Other{"resnet100_face", [](const char* name, int px) { return make_face_resnet(name, {3, 13, 30, 3}, px); }},
    Other{"efficientnet_b1", [](const char* name, int px) { return make_efficientnet(name, {1.0, 1.1, 240}, px); }},
    Other{"efficientnet_b2", [](const char* name, int px) { return make_efficientnet(name, {1.1, 1.2, 260}, px); }},
    Other{"efficientnet_b3", [](const char* name, int px) { return make_efficientnet(name, {1.2, 1.4, 300}, px); }},
    Other{"efficientnet_b4", [](const char* name, int px) { return make_efficientnet(name, {1.4, 1.8, 380}, px); }},
    Other{"efficientnet_b5", [](const char* name, int px) { return make_efficientnet(name, {1.6, 2.2, 456}, px); }},
    Other{"efficientnet_b6", [](const char* name, int px) { return make_efficientnet(name, {1.8, 2.6, 528}, px); }},
    Other{"efficientnet_b7", [](const char* name, int px) { return make_efficientnet(name, {2.0, 3.1, 600}, px); }},
};

}  // namespace

std::vector<std::string_view> other_networks() {
  std::vector<std::string_view> names;
  for (const Other& other : kOthers) names.emplace_back(other.name);
  return names;
}

Model measured_network(const std::string& name, int image_px) {
  for (const Other& other : kOthers)
    if (name == other.name) {
      try {
        return other.make(other.name, image_px);
      } catch (const std::invalid_argument& error) {
        throw InputError(cat(name, " cannot work on images of ", image_px, " pixels: ", error.what()));
      }
    }
  const Model published = make_model(name);
  // The sizes of a crop differ by a few pixels from source to source: 224, 226, 227.
  if (image_px <= 0 || std::abs(image_px - published.image.h) <= 3) return published;
  return make_model(name, {.classes = 0, .image = Shape{1, published.image.c, image_px, image_px}});
}

}  // namespace convoy
