/// What people type about a network besides its name.
#pragma once

#include <string_view>

#include "reference/model/zoo.h"

namespace convoy {

/// One image "CxHxW", for example 3x224x224 or 1x28x28, as [1,C,H,W]. An InputError says what is wrong with another text.
Shape parse_image(std::string_view text);

/// The options of make_model(): `classes` of 0 and an `image` of "" leave what is published.
ModelOptions model_options(int classes, std::string_view image);

}  // namespace convoy
