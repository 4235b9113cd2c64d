/// Random numbers that do not depend on the standard library's distributions, so a seed means the same everywhere.
#pragma once

#include <cstdint>

namespace convoy {

/// The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every input bit changes about half of the output bits.
constexpr std::uint64_t mix64(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15U;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

/// A number in [0, 1) from 64 random bits.
constexpr double unit_interval(std::uint64_t bits) { return static_cast<double>(bits >> 11U) * 0x1.0p-53; }

/// Counter-based: the value depends on the keys only, never on who asks or in which order. Dropout draws this way,
/// so that every way to split a batch over ranks drops the same elements.
template <class... Keys>
constexpr std::uint64_t random_bits(std::uint64_t seed, Keys... keys) {
  std::uint64_t state = mix64(seed);
  ((state = mix64(state ^ static_cast<std::uint64_t>(keys))), ...);
  return state;
}

/// A stream of numbers from one seed.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(mix64(seed)) {}
  std::uint64_t bits() { return mix64(state_++); }
  /// Uniform in [0, 1).
  double uniform() { return unit_interval(bits()); }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in {0, ..., limit - 1}; limit > 0. The bias is below 2^-32 for the limits that occur here.
  std::int64_t below(std::int64_t limit) { return static_cast<std::int64_t>(uniform() * static_cast<double>(limit)); }

 private:
  std::uint64_t state_;
};

}  // namespace convoy
