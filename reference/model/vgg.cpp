#include <array>

#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

/// Five blocks of 3x3 convolutions, each followed by a pooling that halves rows and columns: 112, 56, 28, 14, 7.
Model make_vgg(std::string name, const ModelOptions& options, const std::array<int, 5>& convolutions) {
  ModelBuilder net(std::move(name), options, {1, 3, 224, 224}, 1000);
  constexpr std::array channels = {64, 128, 256, 512, 512};
  for (std::size_t block = 0; block < channels.size(); ++block) {
    for (int i = 1; i <= convolutions.at(block); ++i) {
      net.add(cat("conv", block + 1, "_", i), Conv2d{channels.at(block), square_window(3, 1, 1)});
      net.add(cat("relu", block + 1, "_", i), ReLU{});
    }
    net.add(cat("pool", block + 1), MaxPool2d{square_window(2, 2)});
  }
  const Shape features = net.shape();
  if (features.h != 7 || features.w != 7) net.add("avgpool", AdaptiveAvgPool2d{7, 7});  // not for images of 224 x 224
  net.add("flatten", Flatten{});                                                        // 25,088
  for (int i = 6; i <= 7; ++i) {
    net.add(cat("fc", i), Linear{4096});
    net.add(cat("relu", i), ReLU{});
    net.add(cat("drop", i), Dropout{0.5});
  }
  net.add("fc8", Linear{net.classes()});
  return net.finish();
}

}  // namespace

Model make_vgg11(const ModelOptions& options) { return make_vgg("vgg11", options, {1, 1, 2, 2, 2}); }
Model make_vgg16(const ModelOptions& options) { return make_vgg("vgg16", options, {2, 2, 3, 3, 3}); }
Model make_vgg19(const ModelOptions& options) { return make_vgg("vgg19", options, {2, 2, 4, 4, 4}); }

std::string torchvision_name(const Model& model, int node) {
  const std::string& name = model.nodes.at(static_cast<std::size_t>(node)).name;
  if (!model.name.starts_with("vgg")) return name;
  int flatten = 0;  // torchvision numbers what comes before it, and what comes after it
  while (!std::holds_alternative<Flatten>(model.nodes.at(static_cast<std::size_t>(flatten)).layer)) ++flatten;
  if (node == flatten || name == "avgpool" || name == "loss") return name;
  return node < flatten ? cat("features.", node) : cat("classifier.", node - flatten - 1);
}

}  // namespace convoy
