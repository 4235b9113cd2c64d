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
    ZooEntry{"vgg16", make_vgg16, 138'357'544, "Simonyan and Zisserman 2015, configuration D"},
};

}  // namespace

std::span<const ZooEntry> zoo() { return kZoo; }

Model make_model(std::string_view name) {
  std::vector<std::string> known;
  for (const ZooEntry& entry : kZoo) {
    if (entry.name == name) return entry.make();
    known.emplace_back(entry.name);
  }
  throw_unknown_word("model", name, known);
}

}  // namespace convoy
