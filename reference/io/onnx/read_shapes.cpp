// Operators of ONNX that move, cut and join what layers made.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "reference/io/onnx/converter.h"

namespace convoy {
namespace {

/// No number that a file can mean.
constexpr std::int64_t kUnknown = std::numeric_limits<std::int64_t>::min();

}  // namespace

void OnnxConverter::split(const OnnxNode& node) {
  const int axis = at(node).integer("axis", 0, -4);
  if (axis != 1 && axis != -3) at(node).refuse("axis is ", axis, "; Convoy divides channels (axis 1)");
  const int x = plain(node, 0);
  const int channels = shape_of(x).c;
  std::vector<std::int64_t> parts(node.outputs.size(), channels / std::ssize(node.outputs));
  if (node.ints.contains("split")) parts = node.ints.at("split");
  if (node.inputs.size() > 1 && !node.inputs[1].empty()) parts = integers_of(node, learned(node, 1, "parts"));
  bool fits = parts.size() == node.outputs.size();
  std::int64_t sum = 0;
  for (const std::int64_t part : parts) {
    fits = fits && part > 0 && part <= channels;
    sum += fits ? part : 0;
  }
  if (!fits || sum != channels) at(node).refuse("its parts do not add up to the ", channels, " channels that it divides");
  int first = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    emit(node, ChannelSelect{.first = first, .count = static_cast<int>(parts[i])}, {x}, {}, false, i);
    first += static_cast<int>(parts[i]);
  }
}

void OnnxConverter::slice(const OnnxNode& node) {
  const auto number = [&](const char* attribute, std::size_t input, std::int64_t otherwise) {
    if (input < node.inputs.size() && !node.inputs[input].empty()) {
      const std::vector<std::int64_t> values = integers_of(node, learned(node, input, attribute));
      return values.size() == 1 ? values[0] : kUnknown;
    }
    const auto found = node.ints.find(attribute);
    return found == node.ints.end() ? otherwise : found->second.size() == 1 ? found->second[0] : kUnknown;
  };
  const int x = plain(node, 0);
  const std::int64_t channels = shape_of(x).c;
  std::int64_t begin = number("starts", 1, kUnknown), end = number("ends", 2, kUnknown);
  if (number("axes", 3, 0) != 1 || number("steps", 4, 1) != 1 || begin == kUnknown || end == kUnknown)
    at(node).refuse("Convoy cuts channels only (one axis, which is 1), in steps of 1");
  begin = std::clamp<std::int64_t>(begin < 0 ? begin + channels : begin, 0, channels);
  end = std::clamp<std::int64_t>(end < 0 ? end + channels : end, 0, channels);
  if (begin >= end) at(node).refuse("it cuts out no channel of ", channels);
  emit(node, ChannelSelect{.first = static_cast<int>(begin), .count = static_cast<int>(end - begin)}, {x});
}

void OnnxConverter::transpose(const OnnxNode& node) {
  Tensor x = tensor(node, 0);
  const auto order = node.ints.find("perm");
  if (x.groups == 0 || x.transposed || order == node.ints.end() || order->second != std::vector<std::int64_t>{0, 2, 1, 3, 4})
    at(node).refuse("Convoy reads a Transpose only between the two Reshapes that shuffle channels");
  x.transposed = true;
  alias(node, x);
}

void OnnxConverter::concat(const OnnxNode& node) {
  const int axis = node.ints.contains("axis") && node.ints.at("axis").size() == 1 ? static_cast<int>(node.ints.at("axis")[0]) : 1;
  if (axis != 1 && axis != -3) at(node).refuse("axis is ", axis, "; Convoy joins channels (axis 1)");
  several(node, Concat{});
}

void OnnxConverter::flatten(const OnnxNode& node) {
  const auto axis = node.ints.find("axis");
  if (axis != node.ints.end() && axis->second != std::vector<std::int64_t>{1} && axis->second != std::vector<std::int64_t>{-3})
    at(node).refuse("axis must be 1");
  as_matrix(node);
}

void OnnxConverter::as_matrix(const OnnxNode& node) {
  const int x = plain(node, 0);
  const Shape shape = shape_of(x);
  if (shape.h == 1 && shape.w == 1) return alias(node, {.node = x, .is_matrix = true});
  emit(node, Flatten{}, {x}, {}, true);
}

void OnnxConverter::reshape(const OnnxNode& node) {
  const OnnxTensor& to = learned(node, 1, "shape");
  if (reshapes_to_shuffle(node, to.values)) return;
  const auto features = static_cast<double>(shape_of(plain(node, 0)).sample_count());
  const bool flattens = to.values.size() == 2 && (to.values[1] == -1 || to.values[1] == features);
  if (!flattens) at(node).refuse("Convoy reads a Reshape only as [N, C*H*W], or where it shuffles channels");
  as_matrix(node);
}

bool OnnxConverter::reshapes_to_shuffle(const OnnxNode& node, const std::vector<double>& to) {
  Tensor x = tensor(node, 0);
  if (x.padding != std::array<int, 4>{} || x.is_matrix) return false;
  const Shape shape = shape_of(x.node);
  const auto is = [](double extent, double expected) { return extent == expected || extent == -1; };
  if (x.groups == 0 && to.size() == 5) {
    const double groups = to[1];
    if (!(groups >= 1 && groups <= shape.c) || groups != std::floor(groups) || shape.c % static_cast<int>(groups) != 0 ||
        !is(to[2], shape.c / groups) || !is(to[3], shape.h) || !is(to[4], shape.w))
      return false;
    x.groups = static_cast<int>(groups);
    alias(node, x);
    return true;
  }
  if (!x.transposed || to.size() != 4 || !is(to[1], shape.c) || !is(to[2], shape.h) || !is(to[3], shape.w)) return false;
  emit(node, ChannelSelect{.count = shape.c, .groups = x.groups}, {x.node});
  return true;
}

void OnnxConverter::squeeze(const OnnxNode& node) {
  const Shape shape = shape_of(plain(node, 0));
  if (shape.h != 1 || shape.w != 1) at(node).refuse("Convoy reads a Squeeze only of images of one pixel");
  alias(node, {.node = plain(node, 0), .is_matrix = true});
}

void OnnxConverter::pad(const OnnxNode& node) {
  const auto mode = node.strings.find("mode");
  if (mode != node.strings.end() && mode->second != "constant") at(node).refuse("mode is ", mode->second, "; Convoy pads with 0");
  const OnnxTensor* value = constant(node, 2);
  if (value != nullptr && !value->values.empty() && value->values[0] != 0) at(node).refuse("Convoy pads with 0 only");
  std::vector<double> pads;
  if (const OnnxTensor* listed = constant(node, 1)) pads = listed->values;
  if (node.ints.contains("pads")) pads.assign(node.ints.at("pads").begin(), node.ints.at("pads").end());
  const bool whole = pads.size() == 8 && std::all_of(pads.begin(), pads.end(), [](double p) { return p >= 0 && p <= 65536; });
  if (!whole || pads[0] != 0 || pads[1] != 0 || pads[4] != 0 || pads[5] != 0)
    at(node).refuse("Convoy pads rows and columns only, with known numbers");
  Tensor x = tensor(node, 0);
  const std::array<std::size_t, 4> order = {2, 3, 6, 7};
  for (std::size_t i = 0; i < order.size(); ++i) x.padding[i] += static_cast<int>(pads[order[i]]);
  alias(node, x);
}

}  // namespace convoy
