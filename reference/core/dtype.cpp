#include "reference/core/dtype.h"

#include "reference/core/error.h"

namespace convoy {

std::string to_string(DType type) { return type == DType::f32 ? "f32" : "f64"; }

DType parse_dtype(std::string_view text) {
  if (text == "f32") return DType::f32;
  if (text == "f64") return DType::f64;
  throw_unknown_word("element type", text, {"f32", "f64"});
}

}  // namespace convoy
