#include "reference/core/dtype.h"

#include <array>

#include "reference/core/error.h"

namespace convoy {
namespace {

constexpr std::array kNames = {"f32", "f64", "f16", "bf16"};

}  // namespace

std::string to_string(DType type) { return kNames.at(static_cast<std::size_t>(type)); }

DType parse_dtype(std::string_view text) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (text == kNames.at(i)) return static_cast<DType>(i);
  throw_unknown_word("element type", text, {kNames.begin(), kNames.end()});
}

}  // namespace convoy
