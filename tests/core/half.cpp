/// 16-bit numbers against the definition of their formats, which the test writes down on its own.
#include "reference/core/half.h"

#include <cmath>
#include <limits>

#include "tests/catch.h"

using namespace convoy;

namespace {

/// A format with this many bits of exponent and fraction.
struct Format {
  int exponent_bits;
  int fraction_bits;
};
constexpr Format kFloat16{5, 10};
constexpr Format kBFloat16{8, 7};

/// The value of a bit pattern that is no NaN, by the definition of IEEE 754.
double value_of(unsigned bits, const Format& format) {
  const unsigned fraction = bits & ((1U << format.fraction_bits) - 1U);
  const unsigned exponent = (bits >> format.fraction_bits) & ((1U << format.exponent_bits) - 1U);
  const int bias = (1 << (format.exponent_bits - 1)) - 1;
  const double sign = (bits & 0x8000U) != 0U ? -1 : 1;
  if (exponent == (1U << format.exponent_bits) - 1U) return sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(fraction, 1 - bias - format.fraction_bits);
  return sign * std::ldexp(fraction + (1U << format.fraction_bits), static_cast<int>(exponent) - bias - format.fraction_bits);
}

bool is_nan(unsigned bits, const Format& format) {
  const unsigned infinity = ((1U << format.exponent_bits) - 1U) << format.fraction_bits;
  return (bits & 0x7fffU) > infinity;
}

template <class T>
T from_bits(unsigned bits) {
  T value;
  value.bits = static_cast<std::uint16_t>(bits);
  return value;
}

template <class T>
void check_all_patterns(const Format& format) {
  for (unsigned bits = 0; bits < 0x10000U; ++bits) {
    const auto value = static_cast<float>(from_bits<T>(bits));
    const unsigned back = T(value).bits;
    if (is_nan(bits, format)) {
      if (!std::isnan(value) || !is_nan(back, format)) FAIL("NaN " << bits << " became " << back);
    } else if (!(static_cast<double>(value) == value_of(bits, format)) || back != bits) {
      FAIL(bits << " is read as " << value << " and written as " << back);
    }
  }
}

/// Between every two neighbours: what lies nearer to one goes there, the middle goes to the even one.
template <class T>
void check_rounding(const Format& format) {
  const unsigned infinity = ((1U << format.exponent_bits) - 1U) << format.fraction_bits;
  for (const unsigned sign : {0U, 0x8000U})
    for (unsigned bits = 0; bits + 1 < infinity; ++bits) {
      const unsigned low = sign | bits;
      const unsigned high = sign | (bits + 1);
      // Exact: float has at least 13 more bits than either format, but for the smallest subnormals of BFloat16, whose middles are
      // subnormals of float.
      const auto middle = static_cast<float>((value_of(low, format) + value_of(high, format)) / 2);
      const unsigned even = (bits & 1U) == 0U ? low : high;
      if (T(middle).bits != even)
        FAIL("the middle " << middle << " of " << low << " and " << high << " went to " << T(middle).bits);
      const float below = std::nextafter(middle, 0.0F);
      const float above = std::nextafter(middle, sign != 0U ? -HUGE_VALF : HUGE_VALF);
      if (T(below).bits != low || T(above).bits != high) FAIL("beside the middle " << middle);
    }
}

}  // namespace

TEST_CASE("every 16-bit pattern is the number that its format defines, and comes back from float") {
  check_all_patterns<Float16>(kFloat16);
  check_all_patterns<BFloat16>(kBFloat16);
  REQUIRE(static_cast<float>(Float16(1.0F)) == 1.0F);
  REQUIRE(static_cast<float>(from_bits<Float16>(0x7bffU)) == 65504.0F);  // the largest
  REQUIRE(static_cast<float>(from_bits<Float16>(0x0001U)) == 0x1p-24F);  // the smallest
  REQUIRE(static_cast<float>(from_bits<BFloat16>(0x3f80U)) == 1.0F);
}

TEST_CASE("conversion rounds to the nearest, ties to even, between all neighbours") {
  check_rounding<Float16>(kFloat16);
  check_rounding<BFloat16>(kBFloat16);
}

TEST_CASE("overflow, zero and NaN") {
  REQUIRE(Float16(65519.996F).bits == 0x7bffU);
  REQUIRE(Float16(65520.0F).bits == 0x7c00U);  // the middle between the largest and what would come next
  REQUIRE(Float16(-1e30F).bits == 0xfc00U);
  REQUIRE(BFloat16(std::numeric_limits<float>::max()).bits == 0x7f80U);
  REQUIRE(Float16(std::numeric_limits<float>::infinity()).bits == 0x7c00U);
  REQUIRE(Float16(0x1p-25F).bits == 0);  // half of the smallest: to the even 0
  REQUIRE(Float16(-0.0F).bits == 0x8000U);
  REQUIRE(BFloat16(-0.0F).bits == 0x8000U);
  const float nan = std::bit_cast<float>(0x7f800001U);  // all that makes it NaN is in the bits that are cut off
  REQUIRE(std::isnan(static_cast<float>(Float16(nan))));
  REQUIRE(std::isnan(static_cast<float>(BFloat16(nan))));
}

TEST_CASE("sums are rounded once") {
  Float16 a(2048.0F);
  a += Float16(1.0F);  // 2049 lies in the middle of 2048 and 2050
  REQUIRE(static_cast<float>(a) == 2048.0F);
  a += Float16(3.0F);  // 2051 lies in the middle of 2050 and 2052
  REQUIRE(static_cast<float>(a) == 2052.0F);
  BFloat16 b(256.0F);
  b += BFloat16(1.0F);
  REQUIRE(static_cast<float>(b) == 256.0F);
  b += BFloat16(3.0F);
  REQUIRE(static_cast<float>(b) == 260.0F);
}
