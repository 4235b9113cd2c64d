/// What the named plans ask about layers when they choose rules.
#pragma once

#include "reference/model/model.h"
#include "reference/plans/rule.h"

namespace convoy {

/// A Linear, or a Conv2d without groups: layers whose filters and input channels can be divided.
bool is_product(const Layer& layer);
/// The rule under which a layer that is no product works on its channels; `replicate` for the loss and for
/// ChannelSelect, which need all of them.
Rule by_channels_rule(const Layer& layer);

}  // namespace convoy
