#include "simulator/validate/networks.h"

#include <array>
#include <cctype>
#include <cmath>
#include <map>
#include <vector>

#include "reference/core/error.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

Window window_of(int kernel_h, int kernel_w, int stride = 1) {
  return {.kernel_h = kernel_h,
          .kernel_w = kernel_w,
          .stride_h = stride,
          .stride_w = stride,
          .padding_h = kernel_h / 2,
          .padding_w = kernel_w / 2};
}
Window unpadded(int kernel, int stride = 1) { return square_window(kernel, stride); }

/// Layers one after the other with BatchNorm2d, named by a number.
class Net {
 public:
  Net(std::string name, int image_px, int published_px, int classes = 1000)
      : net_(std::move(name), {1, 3, image_px > 0 ? image_px : published_px, image_px > 0 ? image_px : published_px}, classes) {}

  int conv(int input, int filters, const Window& window, int groups = 1, bool activation = true) {
    const int y = add_conv_norm(net_, {name("conv"), name("norm")}, input, {filters, window, false, groups});
    return activation ? net_.add(name("relu"), ReLU{}, {y}) : y;
  }
  /// Convolutions of one branch, each on the one before.
  int chain(int input, const std::vector<std::pair<int, Window>>& convs) {
    for (const auto& [filters, window] : convs) input = conv(input, filters, window);
    return input;
  }
  int layer(int input, Layer layer) { return net_.add(name("layer"), std::move(layer), {input}); }
  int pool(int input, int kernel, int stride, int padding = 0) {
    return layer(input, MaxPool2d{square_window(kernel, stride, padding)});
  }
  int average(int input) { return layer(input, AvgPool2d{square_window(3, 1, 1)}); }
  int join(const std::vector<int>& inputs) { return net_.add(name("concat"), Concat{}, inputs); }
  int sum(int a, int b) { return net_.add(name("add"), Add{}, {a, b}); }
  Model classify(int input, bool dropout = false) {
    int y = layer(input, GlobalAvgPool2d{});
    if (dropout) y = layer(y, Dropout{0.2});
    layer(y, Linear{net_.classes()});
    return net_.finish();
  }
  Model finish() { return net_.finish(); }
  [[nodiscard]] int classes() const { return net_.classes(); }

 private:
  std::string name(const char* kind) { return cat(kind, ++count_); }
  ModelBuilder net_;
  int count_ = 0;
};

/// Szegedy et al. 2017 (Inception-v4), figures 3 to 9.
Model make_inception_v4(int image_px) {
  Net net("inception_v4", image_px, 299);
  int x = net.chain(kImages, {{32, unpadded(3, 2)}, {32, unpadded(3)}, {64, window_of(3, 3)}});
  x = net.join({net.pool(x, 3, 2), net.conv(x, 96, unpadded(3, 2))});
  x = net.join({net.chain(x, {{64, window_of(1, 1)}, {96, unpadded(3)}}),
                net.chain(x, {{64, window_of(1, 1)}, {64, window_of(7, 1)}, {64, window_of(1, 7)}, {96, unpadded(3)}})});
  x = net.join({net.conv(x, 192, unpadded(3, 2)), net.pool(x, 3, 2)});
  const Window one = window_of(1, 1), three = window_of(3, 3), wide = window_of(1, 7), tall = window_of(7, 1);
  for (int i = 0; i < 4; ++i)
    x = net.join({net.conv(net.average(x), 96, one), net.conv(x, 96, one), net.chain(x, {{64, one}, {96, three}}),
                  net.chain(x, {{64, one}, {96, three}, {96, three}})});
  x = net.join(
      {net.pool(x, 3, 2), net.conv(x, 384, unpadded(3, 2)), net.chain(x, {{192, one}, {224, three}, {256, unpadded(3, 2)}})});
  for (int i = 0; i < 7; ++i)
    x = net.join({net.conv(net.average(x), 128, one), net.conv(x, 384, one), net.chain(x, {{192, one}, {224, wide}, {256, tall}}),
                  net.chain(x, {{192, one}, {192, tall}, {224, wide}, {224, tall}, {256, wide}})});
  x = net.join({net.pool(x, 3, 2), net.chain(x, {{192, one}, {192, unpadded(3, 2)}}),
                net.chain(x, {{256, one}, {256, wide}, {320, tall}, {320, unpadded(3, 2)}})});
  for (int i = 0; i < 3; ++i) {
    const int left = net.conv(x, 384, one);
    const int right = net.chain(x, {{384, one}, {448, window_of(1, 3)}, {512, window_of(3, 1)}});
    x = net.join({net.conv(net.average(x), 256, one), net.conv(x, 256, one), net.conv(left, 256, window_of(1, 3)),
                  net.conv(left, 256, window_of(3, 1)), net.conv(right, 256, window_of(3, 1)),
                  net.conv(right, 256, window_of(1, 3))});
  }
  return net.classify(x, true);
}

/// One module of Ioffe and Szegedy 2015, figure 5: 1x1; 1x1 and 3x3; 1x1 and two 3x3; pooling and 1x1. Without the first and the
/// last where the stride is 2.
struct BnModule {
  int ones, reduce3, three, reduce33, threes, pooled;
};
Model make_inception_bn(int image_px) {
  Net net("inception_bn", image_px, 224);
  int x = net.pool(net.conv(kImages, 64, window_of(7, 7, 2)), 3, 2, 1);
  x = net.pool(net.chain(x, {{64, window_of(1, 1)}, {192, window_of(3, 3)}}), 3, 2, 1);
  constexpr auto modules = std::to_array<BnModule>({{64, 64, 64, 64, 96, 32},
                                                    {64, 64, 96, 64, 96, 64},
                                                    {0, 128, 160, 64, 96, 0},
                                                    {224, 64, 96, 96, 128, 128},
                                                    {192, 96, 128, 96, 128, 128},
                                                    {160, 128, 160, 128, 160, 128},
                                                    {96, 128, 192, 160, 192, 128},
                                                    {0, 128, 192, 192, 256, 0},
                                                    {352, 192, 320, 160, 224, 128},
                                                    {352, 192, 320, 192, 224, 128}});
  for (const BnModule& module : modules) {
    const int stride = module.ones == 0 ? 2 : 1;
    std::vector<int> parts;
    if (module.ones > 0) parts.push_back(net.conv(x, module.ones, window_of(1, 1)));
    parts.push_back(net.chain(x, {{module.reduce3, window_of(1, 1)}, {module.three, window_of(3, 3, stride)}}));
    parts.push_back(net.chain(
        x, {{module.reduce33, window_of(1, 1)}, {module.threes, window_of(3, 3)}, {module.threes, window_of(3, 3, stride)}}));
    parts.push_back(module.pooled > 0 ? net.conv(net.average(x), module.pooled, window_of(1, 1)) : net.pool(x, 3, 2, 1));
    x = net.join(parts);
  }
  return net.classify(x);
}

/// Sermanet et al. 2014, table 1 (the fast model), as convnet-benchmarks has it.
Model make_overfeat(int image_px) {
  ModelBuilder net("overfeat", {1, 3, image_px > 0 ? image_px : 231, image_px > 0 ? image_px : 231}, 1000);
  int number = 0;
  const auto add = [&](Layer layer) { net.add(cat("layer", ++number), std::move(layer)); };
  const auto conv = [&](int filters, const Window& window, bool pool) {
    add(Conv2d{filters, window});
    add(ReLU{});
    if (pool) add(MaxPool2d{square_window(2, 2)});
  };
  conv(96, square_window(11, 4), true);
  conv(256, square_window(5), true);
  conv(512, square_window(3, 1, 1), false);
  conv(1024, square_window(3, 1, 1), false);
  conv(1024, square_window(3, 1, 1), true);
  for (const int features : {3072, 4096}) {
    add(Linear{features});
    add(ReLU{});
  }
  add(Linear{net.classes()});
  return net.finish();
}

/// Huang et al. 2017, table 1.
Model make_densenet(const std::string& name, int growth, const std::array<int, 4>& layers, int image_px) {
  Net net(name, image_px, 224);
  int channels = 2 * growth;
  int x = net.pool(net.conv(kImages, channels, window_of(7, 7, 2)), 3, 2, 1);
  const auto norm_conv = [&](int input, int filters, const Window& window) {
    const int y = net.layer(net.layer(input, BatchNorm2d{}), ReLU{});
    return net.layer(y, Conv2d{filters, window, false});
  };
  for (std::size_t block = 0; block < layers.size(); ++block) {
    std::vector<int> made = {x};
    for (int i = 0; i < layers.at(block); ++i) {
      const int all = made.size() == 1 ? x : net.join(made);
      made.push_back(norm_conv(norm_conv(all, 4 * growth, window_of(1, 1)), growth, window_of(3, 3)));
    }
    x = net.join(made);
    channels += layers.at(block) * growth;
    if (block + 1 == layers.size()) break;
    channels /= 2;
    x = net.layer(norm_conv(x, channels, window_of(1, 1)), AvgPool2d{square_window(2, 2)});
  }
  return net.classify(net.layer(net.layer(x, BatchNorm2d{}), ReLU{}));
}

/// He et al. 2016, Xie et al. 2017: bottlenecks of `width` channels in `groups`, both of the first stage.
Model make_bottlenecks(const std::string& name, const std::array<int, 4>& blocks, int groups, int width, int image_px) {
  Net net(name, image_px, 224);
  int x = net.pool(net.conv(kImages, 64, window_of(7, 7, 2)), 3, 2, 1);
  for (std::size_t stage = 0; stage < blocks.size(); ++stage)
    for (int block = 0; block < blocks.at(stage); ++block) {
      const int stride = block == 0 && stage > 0 ? 2 : 1;
      int y = net.conv(x, width << stage, window_of(1, 1));
      y = net.conv(y, width << stage, window_of(3, 3, stride), groups);
      y = net.conv(y, 256 << stage, window_of(1, 1), 1, false);
      const int shortcut = block == 0 ? net.conv(x, 256 << stage, window_of(1, 1, stride), 1, false) : x;
      x = net.layer(net.sum(y, shortcut), ReLU{});
    }
  return net.classify(x);
}

/// Iandola et al. 2016, table 1.
Model make_squeezenet1_0(int image_px) {
  Net net("squeezenet1_0", image_px, 224);
  const auto conv = [&](int input, int filters, const Window& window) {
    return net.layer(net.layer(input, Conv2d{filters, window}), ReLU{});
  };
  int x = net.layer(conv(kImages, 96, unpadded(7, 2)), MaxPool2d{ceil_window(3, 2)});
  constexpr std::array squeezes = {16, 16, 32, 32, 48, 48, 64, 64};
  for (std::size_t i = 0; i < squeezes.size(); ++i) {
    const int y = conv(x, squeezes.at(i), window_of(1, 1));
    x = net.join({conv(y, 4 * squeezes.at(i), window_of(1, 1)), conv(y, 4 * squeezes.at(i), window_of(3, 3))});
    if (i == 2 || i == 6) x = net.layer(x, MaxPool2d{ceil_window(3, 2)});
  }
  net.layer(conv(net.layer(x, Dropout{0.5}), net.classes(), window_of(1, 1)), GlobalAvgPool2d{});
  return net.finish();
}

/// Simonyan and Zisserman 2015, configuration B.
Model make_vgg13(int image_px) {
  Net net("vgg13", image_px, 224);
  int x = kImages;
  for (const int filters : {64, 128, 256, 512, 512}) {
    for (int i = 0; i < 2; ++i) x = net.layer(net.layer(x, Conv2d{filters, window_of(3, 3)}), ReLU{});
    x = net.pool(x, 2, 2);
  }
  for (int i = 0; i < 2; ++i) x = net.layer(net.layer(net.layer(x, Linear{4096}), ReLU{}), Dropout{0.5});
  net.layer(x, Linear{net.classes()});
  return net.finish();
}

/// Expansion, filters, blocks, stride and kernel of a stage of inverted residuals.
struct InvertedStage {
  int expand, filters, blocks, stride, kernel;
};
int add_inverted(Net& net, int x, int in, int filters, const InvertedStage& stage, int stride, bool excited) {
  const int hidden = in * stage.expand;
  int y = stage.expand == 1 ? x : net.conv(x, hidden, window_of(1, 1));
  y = net.conv(y, hidden, window_of(stage.kernel, stage.kernel, stride), hidden);
  if (excited) y = net.layer(y, ReLU{});
  y = net.conv(y, filters, window_of(1, 1), 1, false);
  return stride == 1 && in == filters ? net.sum(x, y) : y;
}

/// Sandler et al. 2018, table 2.
Model make_mobilenet_v2(int image_px) {
  Net net("mobilenet_v2", image_px, 224);
  constexpr auto stages = std::to_array<InvertedStage>({{1, 16, 1, 1, 3},
                                                        {6, 24, 2, 2, 3},
                                                        {6, 32, 3, 2, 3},
                                                        {6, 64, 4, 2, 3},
                                                        {6, 96, 3, 1, 3},
                                                        {6, 160, 3, 2, 3},
                                                        {6, 320, 1, 1, 3}});
  int x = net.conv(kImages, 32, window_of(3, 3, 2));
  int channels = 32;
  for (const InvertedStage& stage : stages)
    for (int block = 0; block < stage.blocks; ++block) {
      x = add_inverted(net, x, channels, stage.filters, stage, block == 0 ? stage.stride : 1, false);
      channels = stage.filters;
    }
  return net.classify(net.conv(x, 1280, window_of(1, 1)), true);
}

/// Tan and Le 2019: B0 of table 1, made wider, deeper and larger by the factors of its code.
Model make_efficientnet(const std::string& name, double width, double depth, int published_px, int image_px) {
  const auto wide = [&](int filters) {
    const int rounded = std::max(8, static_cast<int>(filters * width + 4) / 8 * 8);
    return rounded < 0.9 * filters * width ? rounded + 8 : rounded;
  };
  Net net(name, image_px, published_px);
  constexpr auto stages = std::to_array<InvertedStage>({{1, 16, 1, 1, 3},
                                                        {6, 24, 2, 2, 3},
                                                        {6, 40, 2, 2, 5},
                                                        {6, 80, 3, 2, 3},
                                                        {6, 112, 3, 1, 5},
                                                        {6, 192, 4, 2, 5},
                                                        {6, 320, 1, 1, 3}});
  int x = net.conv(kImages, wide(32), window_of(3, 3, 2));
  int channels = wide(32);
  for (const InvertedStage& stage : stages)
    for (int block = 0; block < static_cast<int>(std::ceil(stage.blocks * depth)); ++block) {
      x = add_inverted(net, x, channels, wide(stage.filters), stage, block == 0 ? stage.stride : 1, true);
      channels = wide(stage.filters);
    }
  return net.classify(net.conv(x, wide(1280), window_of(1, 1)), true);
}

/// The ResNet of ArcFace (Deng et al. 2019, and its code): BatchNorm2d first, two 3x3 convolutions, no stride before the first
/// stage, an embedding of 512. The class layer belongs to the case.
Model make_face_resnet(const std::string& name, const std::array<int, 4>& blocks, int image_px) {
  Net net(name, image_px, 112, 512);
  int x = net.conv(kImages, 64, window_of(3, 3));
  for (std::size_t stage = 0; stage < blocks.size(); ++stage)
    for (int block = 0; block < blocks.at(stage); ++block) {
      const int stride = block == 0 ? 2 : 1;
      int y = net.conv(net.layer(x, BatchNorm2d{}), 64 << stage, window_of(3, 3));
      y = net.conv(y, 64 << stage, window_of(3, 3, stride), 1, false);
      x = net.sum(y, block == 0 ? net.conv(x, 64 << stage, window_of(1, 1, stride), 1, false) : x);
    }
  net.layer(net.layer(x, BatchNorm2d{}), Linear{net.classes()});
  return net.finish();
}

struct Other {
  const char* name;
  Model (*make)(int image_px);
};
constexpr std::array kOthers = {
    Other{"inception_v4", make_inception_v4},
    Other{"inception_bn", make_inception_bn},
    Other{"overfeat", make_overfeat},
    Other{"squeezenet1_0", make_squeezenet1_0},
    Other{"vgg13", make_vgg13},
    Other{"mobilenet_v2", make_mobilenet_v2},
    Other{"densenet161",
          [](int px) {
            return make_densenet("densenet161", 48, {6, 12, 36, 24}, px);
          }},
    Other{"densenet169",
          [](int px) {
            return make_densenet("densenet169", 32, {6, 12, 32, 32}, px);
          }},
    Other{"densenet201",
          [](int px) {
            return make_densenet("densenet201", 32, {6, 12, 48, 32}, px);
          }},
    Other{"resnet200",
          [](int px) {
            return make_bottlenecks("resnet200", {3, 24, 36, 3}, 1, 64, px);
          }},
    Other{"resnext101_32x4d",
          [](int px) {
            return make_bottlenecks("resnext101_32x4d", {3, 4, 23, 3}, 32, 128, px);
          }},
    Other{"resnext101_32x8d",
          [](int px) {
            return make_bottlenecks("resnext101_32x8d", {3, 4, 23, 3}, 32, 256, px);
          }},
    Other{"resnext101_64x4d",
          [](int px) {
            return make_bottlenecks("resnext101_64x4d", {3, 4, 23, 3}, 64, 256, px);
          }},
    Other{"wide_resnet50_2",
          [](int px) {
            return make_bottlenecks("wide_resnet50_2", {3, 4, 6, 3}, 1, 128, px);
          }},
    Other{"wide_resnet101_2",
          [](int px) {
            return make_bottlenecks("wide_resnet101_2", {3, 4, 23, 3}, 1, 128, px);
          }},
    Other{"efficientnet_b0", [](int px) { return make_efficientnet("efficientnet_b0", 1.0, 1.0, 224, px); }},
    Other{"efficientnet_b1", [](int px) { return make_efficientnet("efficientnet_b1", 1.0, 1.1, 240, px); }},
    Other{"efficientnet_b2", [](int px) { return make_efficientnet("efficientnet_b2", 1.1, 1.2, 260, px); }},
    Other{"efficientnet_b3", [](int px) { return make_efficientnet("efficientnet_b3", 1.2, 1.4, 300, px); }},
    Other{"efficientnet_b4", [](int px) { return make_efficientnet("efficientnet_b4", 1.4, 1.8, 380, px); }},
    Other{"resnet50_face",
          [](int px) {
            return make_face_resnet("resnet50_face", {3, 4, 14, 3}, px);
          }},
    Other{"resnet100_face",
          [](int px) {
            return make_face_resnet("resnet100_face", {3, 13, 30, 3}, px);
          }},
};

std::string letters_of(const std::string& text) {
  std::string letters;
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return letters;
}

/// Spellings that are not the name with its signs left aside.
const std::map<std::string, std::string>& spellings() {
  static const std::map<std::string, std::string> words = {{"alexnetoneweirdtrickvariant", "alexnet"},
                                                           {"alexnetowt", "alexnet"},
                                                           {"vgga", "vgg11"},
                                                           {"vgga11layers", "vgg11"},
                                                           {"oxfordnet", "vgg11"},
                                                           {"vggb", "vgg13"},
                                                           {"vggd", "vgg16"},
                                                           {"vgge", "vgg19"},
                                                           {"inceptionv1", "googlenet"},
                                                           {"inception1", "googlenet"},
                                                           {"inception3", "inception_v3"},
                                                           {"inception4", "inception_v4"},
                                                           {"inceptionv2", "inception_bn"},
                                                           {"bninception", "inception_bn"},
                                                           {"mobilenet", "mobilenet_v1"},
                                                           {"mobilenetv1", "mobilenet_v1"},
                                                           {"resnext5032x4d", "resnext50"},
                                                           {"resnext101", "resnext101_32x8d"},
                                                           {"overfeatfast", "overfeat"},
                                                           {"squeezenet", "squeezenet1_0"},
                                                           {"squeezenetv10", "squeezenet1_0"},
                                                           {"squeezenetv11", "squeezenet1_1"},
                                                           {"lenet", "lenet5"},
                                                           {"wideresnet50", "wide_resnet50_2"},
                                                           {"resnet50facevariant", "resnet50_face"},
                                                           {"resnet100facevariant", "resnet100_face"},
                                                           {"iresnet50", "resnet50_face"},
                                                           {"iresnet100", "resnet100_face"}};
  return words;
}

}  // namespace

std::optional<std::string> network_name(const std::string& words) {
  std::string letters = letters_of(words);
  const auto spelling = spellings().find(letters);
  if (spelling != spellings().end()) return spelling->second;
  if (letters.starts_with("resnet") && letters.ends_with("v15")) letters.resize(letters.size() - 3);
  if (letters.starts_with("resnet") && letters.ends_with("v1")) letters.resize(letters.size() - 2);
  for (const ZooEntry& entry : zoo())
    if (letters_of(std::string(entry.name)) == letters) return std::string(entry.name);
  for (const Other& other : kOthers)
    if (letters_of(other.name) == letters) return other.name;
  return std::nullopt;
}

Model measured_network(const std::string& name, int image_px) {
  for (const Other& other : kOthers)
    if (name == other.name) {
      try {
        return other.make(image_px);
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
