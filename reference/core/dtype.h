/// DType: the type of the elements of a buffer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "reference/core/half.h"

namespace convoy {

enum class DType : std::uint8_t { f32, f64, f16, bf16 };
inline constexpr int kDTypeCount = 4;

/// Bytes an element.
constexpr std::int64_t size_bytes(DType type) {
  switch (type) {
    case DType::f32: return 4;
    case DType::f64: return 8;
    case DType::f16:
    case DType::bf16: return 2;
  }
  return 0;
}
/// "f32", "f64", "f16" or "bf16".
std::string to_string(DType type);
/// The inverse of to_string; throws InputError.
DType parse_dtype(std::string_view text);

/// Calls f with a value of the C++ type of `type`: with_type(t, [](auto zero) { using T = decltype(zero); ... }).
template <class F>
decltype(auto) with_type(DType type, F&& f) {
  switch (type) {
    case DType::f64: return f(double{});
    case DType::f16: return f(Float16{});
    case DType::bf16: return f(BFloat16{});
    case DType::f32: break;
  }
  return f(float{});
}

}  // namespace convoy
