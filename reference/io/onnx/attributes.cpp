#include "reference/io/onnx/attributes.h"

#include <cmath>

namespace convoy {
namespace {

constexpr std::int64_t kMost = 1'000'000;

}  // namespace

double OnnxAttributes::number(const std::string& name, double otherwise) const {
  const auto found = node_.floats.find(name);
  if (found == node_.floats.end()) return otherwise;
  if (!std::isfinite(found->second)) refuse(name, " is not a finite number");
  return found->second;
}

std::vector<int> OnnxAttributes::integers(const std::string& name, const std::vector<int>& otherwise, int least) const {
  const auto found = node_.ints.find(name);
  if (found == node_.ints.end()) return otherwise;
  if (found->second.size() != otherwise.size())
    refuse(name, " has ", found->second.size(), " numbers, where an image takes ", otherwise.size());
  std::vector<int> values;
  for (const std::int64_t value : found->second) {
    if (value < least || value > kMost) refuse(name, " is ", value, "; Convoy takes ", least, " to ", kMost);
    values.push_back(static_cast<int>(value));
  }
  return values;
}

int OnnxAttributes::integer(const std::string& name, int otherwise, int least) const {
  return integers(name, {otherwise}, least).front();
}

void OnnxAttributes::require_integer(const std::string& name, std::int64_t value) const {
  const auto found = node_.ints.find(name);
  if (found != node_.ints.end() && found->second != std::vector<std::int64_t>{value})
    refuse(name, " must be ", value, " for Convoy");
}

Window OnnxAttributes::window(const std::vector<int>& kernel, const std::array<int, 4>& padding) const {
  const std::vector<int> shape = integers("kernel_shape", kernel, 1);
  const std::vector<int> strides = integers("strides", {1, 1}, 1);
  const std::vector<int> dilations = integers("dilations", {1, 1}, 1);
  std::vector<int> pads = integers("pads", {0, 0, 0, 0});
  const auto automatic = node_.strings.find("auto_pad");
  if (automatic != node_.strings.end() && automatic->second != "NOTSET" && automatic->second != "VALID")
    refuse("auto_pad is ", automatic->second, ", and Convoy reads explicit pads; export the network again with them");
  for (std::size_t i = 0; i < pads.size(); ++i) pads[i] += padding[i];
  if (pads[0] != pads[2] || pads[1] != pads[3])
    refuse("its padding is ", pads[0], " above, ", pads[2], " below, ", pads[1], " left and ", pads[3],
           " right; Convoy pads both sides alike");
  Window window;
  window.kernel_h = shape[0];
  window.kernel_w = shape[1];
  window.stride_h = strides[0];
  window.stride_w = strides[1];
  window.dilation_h = dilations[0];
  window.dilation_w = dilations[1];
  window.padding_h = pads[0];
  window.padding_w = pads[1];
  window.ceil_mode = integer("ceil_mode", 0) != 0;
  return window;
}

}  // namespace convoy
