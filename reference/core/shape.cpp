#include "reference/core/shape.h"

#include "reference/core/error.h"

namespace convoy {

std::string to_string(const Shape& shape) { return cat(shape.n, "x", shape.c, "x", shape.h, "x", shape.w); }

}  // namespace convoy
