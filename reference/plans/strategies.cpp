#include "reference/plans/strategies.h"

namespace convoy {

bool is_product(const Layer& layer) {
  const auto* conv = std::get_if<Conv2d>(&layer);
  return std::holds_alternative<Linear>(layer) || (conv != nullptr && conv->groups == 1);
}

Rule by_channels_rule(const Layer& layer) {
  if (std::holds_alternative<SoftmaxCrossEntropy>(layer) || std::holds_alternative<ChannelSelect>(layer)) return Rule::replicate;
  return std::holds_alternative<Conv2d>(layer) ? Rule::grouped : Rule::channels;
}

}  // namespace convoy
