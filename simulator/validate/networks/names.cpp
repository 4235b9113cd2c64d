#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <vector>

#include "reference/model/zoo.h"
#include "simulator/validate/networks/networks.h"

namespace convoy {
namespace {

std::string letters_of(std::string_view text) {
  std::string letters;
  for (const char c : text)
    if (std::isalnum(static_cast<unsigned char>(c)) != 0)
      letters += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return letters;
}

/// Spellings that are not the name with its signs left aside.
const std::map<std::string, std::string>& spellings() {
  static const std::map<std::string, std::string> words = {
      {"alexnetoneweirdtrickvariant", "alexnet"},
      {"alexnetowt", "alexnet"},
      {"bvlcalexnet", "alexnet"},
      {"vgga", "vgg11"},
      {"oxfordnet", "vgg11"},
      // MXNet's symbol_vgg.py of 2015 and 2016 has 1, 1, 2, 2, 2 convolutions.
      {"vggnetworkvggdepthnotstated", "vgg11"},
      {"vggb", "vgg13"},
      {"vggd", "vgg16"},
      {"vgge", "vgg19"},
      {"inceptionv1", "googlenet"},
      {"inception1", "googlenet"},
      {"googlelenet", "googlenet"},
      {"googlenetv1", "googlenet"},
      {"bvlcgooglenet", "googlenet"},
      {"inception3", "inception_v3"},
      {"googlenetv3", "inception_v3"},
      {"inception4", "inception_v4"},
      {"googlenetv4", "inception_v4"},
      {"inceptionv2", "inception_bn"},
      {"inception2", "inception_bn"},
      {"bninception", "inception_bn"},
      {"googlenetbn", "inception_bn"},
      {"mobilenet", "mobilenet_v1"},
      {"mobilenet2", "mobilenet_v2"},
      {"mobilenetv3", "mobilenet_v3_large"},
      {"resnext5032x4d", "resnext50"},
      {"resnext101", "resnext101_32x8d"},
      {"resnext152", "resnext152_32x4d"},
      {"seresnext50", "se_resnext50_32x4d"},
      {"seresnext101", "se_resnext101_32x4d"},
      {"overfeatfast", "overfeat"},
      {"squeezenet", "squeezenet1_0"},
      {"shufflenetv2x10", "shufflenet_v2"},
      {"shufflenetv21x", "shufflenet_v2"},
      {"lenet", "lenet5"},
      {"wideresnet50", "wide_resnet50_2"},
      {"wideresnet101", "wide_resnet101_2"},
      {"wrn502", "wide_resnet50_2"},
      {"wrn1012", "wide_resnet101_2"},
      {"resnet50facevariant", "resnet50_face"},
      {"resnet100facevariant", "resnet100_face"}};
  return words;
}

/// The name that these letters are, as they stand.
std::string exact_name(const std::string& letters) {
  const auto spelling = spellings().find(letters);
  if (spelling != spellings().end()) return spelling->second;
  for (const ZooEntry& entry : zoo())
    if (letters_of(entry.name) == letters) return std::string(entry.name);
  for (const std::string_view other : other_networks())
    if (letters_of(other) == letters) return std::string(other);
  return "";
}

/// Takes a word off one end; whether it was there and something is left.
bool strip_end(std::string& letters, std::string_view word) {
  if (letters.size() <= word.size() || !letters.ends_with(word)) return false;
  letters.resize(letters.size() - word.size());
  return true;
}
bool strip_begin(std::string& letters, std::string_view word) {
  if (letters.size() <= word.size() || !letters.starts_with(word)) return false;
  letters.erase(0, word.size());
  return true;
}

/// Words around a name that change nothing of what is counted: data sets, collections of models, versions of residual blocks
/// (v2 has its activations first), whether there are auxiliary heads.
constexpr std::array kAfter = {"imagenet", "ilsvrc2012", "torchvision", "pytorch",  "tensorflow", "keras",  "gluon",
                               "mxnet",    "caffe",      "caffe2",      "network",  "model",      "layers", "cnn",
                               "noaux",    "withoutaux", "original",    "baseline", "1000classes"};
constexpr std::array kBefore = {
    "torchvisionmodels", "torchvision", "pytorch", "tensorflow", "tf", "keras", "gluon", "mxnet", "caffe2", "caffe",
    "standard",          "the"};
constexpr std::array kResnetVersions = {"v15", "v1", "v1b", "v2", "preact", "preactivation"};
constexpr std::array kNormed = {"withbatchnormalization", "batchnormalization", "withbatchnorm", "batchnorm", "withbn"};

/// The name in letters that may have such words around it.
std::string name_in(std::string letters) {
  for (bool changed = true; changed && !letters.empty();) {
    if (const std::string name = exact_name(letters); !name.empty()) return name;
    changed = false;
    for (const char* word : kAfter) changed = changed || strip_end(letters, word);
    for (const char* word : kBefore) changed = changed || strip_begin(letters, word);
    if (letters.find("resne") != std::string::npos)
      for (const char* word : kResnetVersions) changed = changed || strip_end(letters, word);
    for (const char* word : kNormed)
      if (!changed && strip_end(letters, word)) {
        letters += "bn";
        changed = true;
      }
    // "r50", "rn50" and "iresnet50": the last is ArcFace's.
    if (!changed && letters.starts_with("iresnet")) {
      letters = letters.substr(1) + "face";
      changed = true;
    }
    const auto number = std::min(letters.find_first_of("0123456789"), letters.size());
    const std::string before = letters.substr(0, number);
    if (!changed && (before == "r" || before == "rn")) {
      letters = "resnet" + letters.substr(number);
      changed = true;
    }
  }
  return "";
}

}  // namespace

std::optional<std::string> network_name(const std::string& words) {
  // All of it, then without what stands in brackets, then what stands there: "VGG-A (11 layers)", "GoogLeNet (Inception-v1)".
  std::string outside, inside;
  int depth = 0;
  for (const char c : words) {
    if (c == '(' || c == '[') ++depth;
    (depth > 0 ? inside : outside) += c;
    if (c == ')' || c == ']') depth = std::max(0, depth - 1);
  }
  for (const std::string& part : {words, outside, inside})
    if (const std::string name = name_in(letters_of(part)); !name.empty()) return name;
  return std::nullopt;
}

}  // namespace convoy
