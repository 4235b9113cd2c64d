#include "reference/model/zoo.h"

#include <array>

#include "reference/core/error.h"

namespace convoy {
namespace {

constexpr std::array kZoo = {
    ZooEntry{"lenet5", make_lenet5, 61'706, "LeCun et al. 1998, with ReLU and max pooling"},
    ZooEntry{
        "resnet20", make_resnet20, 272'474,
        "He et al. 2016, CIFAR-10: 0.27 M with shortcuts without weights (269,722), and 2,752 of two projections with BatchNorm"},
    ZooEntry{"resnet56", make_resnet56, 855'770, "He et al. 2016, CIFAR-10, with projections"},
    ZooEntry{"alexnet", make_alexnet, 61'100'840, "Krizhevsky 2014, one tower"},
    ZooEntry{"vgg11", make_vgg11, 132'863'336, "Simonyan and Zisserman 2015, configuration A"},
    ZooEntry{"vgg16", make_vgg16, 138'357'544, "Simonyan and Zisserman 2015, configuration D"},
    ZooEntry{"vgg19", make_vgg19, 143'667'240, "Simonyan and Zisserman 2015, configuration E"},
    ZooEntry{"googlenet", make_googlenet, 6'624'904, "Szegedy et al. 2015, with BatchNorm, as torchvision has it"},
    ZooEntry{"googlenet_aux", make_googlenet_aux, 13'004'888, "googlenet with its two auxiliary heads"},
    ZooEntry{"inception_v3", make_inception_v3, 23'834'568, "Szegedy et al. 2016"},
    ZooEntry{"inception_v3_aux", make_inception_v3_aux, 27'161'264, "inception_v3 with its auxiliary head"},
    ZooEntry{"resnet18", make_resnet18, 11'689'512, "He et al. 2016"},
    ZooEntry{"resnet34", make_resnet34, 21'797'672, "He et al. 2016"},
    ZooEntry{"resnet50", make_resnet50, 25'557'032, "He et al. 2016, stride in the 3x3 convolutions"},
    ZooEntry{"resnet101", make_resnet101, 44'549'160, "He et al. 2016, stride in the 3x3 convolutions"},
    ZooEntry{"resnet152", make_resnet152, 60'192'808, "He et al. 2016, stride in the 3x3 convolutions"},
    ZooEntry{"resnext50", make_resnext50, 25'028'904, "Xie et al. 2017, 32 groups of 4 channels"},
    ZooEntry{"densenet121", make_densenet121, 7'978'856, "Huang et al. 2017"},
    ZooEntry{"squeezenet1_1", make_squeezenet1_1, 1'235'496, "Iandola et al. 2016, version 1.1"},
    ZooEntry{"mobilenet_v1", make_mobilenet_v1, 4'231'976, "Howard et al. 2017, width 1.0"},
    ZooEntry{"mobilenet_v2", make_mobilenet_v2, 3'504'872, "Sandler et al. 2018, width 1.0"},
    ZooEntry{"mobilenet_v3_large", make_mobilenet_v3_large, 5'483'032, "Howard et al. 2019"},
    ZooEntry{"mobilenet_v3_small", make_mobilenet_v3_small, 2'542'856, "Howard et al. 2019"},
    ZooEntry{"efficientnet_b0", make_efficientnet_b0, 5'288'548, "Tan and Le 2019, without stochastic depth"},
    ZooEntry{"shufflenet_v2", make_shufflenet_v2, 2'278'604, "Ma et al. 2018, width 1.0"},
};

}  // namespace

std::span<const ZooEntry> zoo() { return kZoo; }

Model make_model(std::string_view name, const ModelOptions& options) {
  std::vector<std::string> known;
  for (const ZooEntry& entry : kZoo) {
    known.emplace_back(entry.name);
    if (entry.name != name) continue;
    try {
      return entry.make(options);
    } catch (const std::invalid_argument& error) {
      const Shape image = options.image.value_or(entry.make().image);
      throw InputError(cat(name, " cannot work on images of ", image.c, "x", image.h, "x", image.w, " with ", options.classes,
                           " classes: ", error.what(), "; use larger images, or a network for small ones such as resnet20"));
    }
  }
  throw_unknown_word("model", name, known);
}

}  // namespace convoy
