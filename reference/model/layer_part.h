/// Layers on a part of a tensor: a rank that makes box `y` from box `x` runs the same kernel with other settings.
#pragma once

#include "reference/core/box.h"
#include "reference/model/layer.h"

namespace convoy {

/// The layer that makes y.shape() from x.shape(), where y and x are boxes of the whole output and input: fewer filters and
/// groups, and the padding that is left at this place of the image. Rows of x that the first window does not need count as
/// negative padding.
Layer layer_on_part(const Layer& layer, const Box& x, const Box& y);

}  // namespace convoy
