/// Float16 and BFloat16: 16-bit numbers for what is sent. They are stored and added; everything else happens in float.
///
///            sign  exponent  fraction    largest    smallest normal    relative rounding
///   Float16        1         5        10      65504            6.1e-5               4.9e-4
///   BFloat16    1         8         7     3.4e38           1.2e-38               3.9e-3
///
/// Conversions round to the nearest, ties to even (IEEE 754); NaN stays NaN.
#pragma once

#include <bit>
#include <cstdint>

namespace convoy {

/// The upper half of a float.
struct BFloat16 {
  std::uint16_t bits = 0;

  BFloat16() = default;
  explicit BFloat16(float value) {
    auto raw = std::bit_cast<std::uint32_t>(value);
    if ((raw & 0x7fffffffU) > 0x7f800000U) {
      bits = static_cast<std::uint16_t>((raw >> 16U) | 0x40U);  // NaN: quiet, so that cutting cannot make it infinite
      return;
    }
    raw += 0x7fffU + ((raw >> 16U) & 1U);
    bits = static_cast<std::uint16_t>(raw >> 16U);
  }
  explicit operator float() const { return std::bit_cast<float>(static_cast<std::uint32_t>(bits) << 16U); }
};

/// binary16 of IEEE 754.
struct Float16 {
  std::uint16_t bits = 0;

  Float16() = default;
  explicit Float16(float value) {
    const auto raw = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = (raw >> 16U) & 0x8000U;
    const std::uint32_t magnitude = raw & 0x7fffffffU;
    std::uint32_t result = 0;
    if (magnitude > 0x7f800000U) {
      result = 0x7e00U;  // NaN
    } else if (magnitude >= 0x477ff000U) {
      result = 0x7c00U;  // 65520 and above round to infinity
    } else if (magnitude >= 0x38800000U) {
      const std::uint32_t rebased = magnitude - 0x38000000U;  // exponent bias 127 -> 15
      result = (rebased + 0xfffU + ((rebased >> 13U) & 1U)) >> 13U;
    } else {
      // Subnormal: adding 0.5 makes the hardware round to multiples of 2^-24, which then stand in the last bits.
      result = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3f000000U;
    }
    bits = static_cast<std::uint16_t>(sign | result);
  }
  explicit operator float() const {
    const std::uint32_t sign = (bits & 0x8000U) << 16U;
    const std::uint32_t magnitude = bits & 0x7fffU;
    if (magnitude >= 0x7c00U) return std::bit_cast<float>(sign | 0x7f800000U | ((magnitude & 0x3ffU) << 13U));
    if (magnitude < 0x400U) return (sign != 0U ? -1.0F : 1.0F) * static_cast<float>(magnitude) * 0x1p-24F;
    return std::bit_cast<float>(sign | ((magnitude << 13U) + 0x38000000U));
  }
};

template <class T>
T sum_in_float(T a, T b) {
  return T(static_cast<float>(a) + static_cast<float>(b));
}
inline Float16& operator+=(Float16& a, Float16 b) { return a = sum_in_float(a, b); }
inline BFloat16& operator+=(BFloat16& a, BFloat16 b) { return a = sum_in_float(a, b); }

}  // namespace convoy
