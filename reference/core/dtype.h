/// DType: the type of the elements of a buffer.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace convoy {

enum class DType : std::uint8_t { f32, f64 };

/// Bytes an element.
constexpr std::int64_t size_bytes(DType type) { return type == DType::f32 ? 4 : 8; }
/// "f32" or "f64".
std::string to_string(DType type);
/// The inverse of to_string; throws InputError.
DType parse_dtype(std::string_view text);

/// Calls f with a value of the C++ type of `type`: with_type(t, [](auto zero) { using T = decltype(zero); ... }).
template <class F>
decltype(auto) with_type(DType type, F&& f) {
  return type == DType::f32 ? f(float{}) : f(double{});
}

}  // namespace convoy
