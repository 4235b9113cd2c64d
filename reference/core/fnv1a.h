/// Fnv1a: a fingerprint of bytes, to see that they are the same. It holds against accidents, not against people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace convoy {

/// FNV-1a (Fowler, Noll and Vo), 64 bits, of all bytes added so far. Each step is a bijection of the state, so one changed byte
/// always changes the end.
class Fnv1a {
 public:
  constexpr void add(std::string_view bytes) {
    for (const char byte : bytes) add_byte(static_cast<unsigned char>(byte));
  }
  void add(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) add_byte(static_cast<std::uint64_t>(byte));
  }
  [[nodiscard]] constexpr std::uint64_t value() const { return state_; }
  /// Sixteen hexadecimal digits.
  [[nodiscard]] std::string digits() const {
    std::string text;
    for (int shift = 60; shift >= 0; shift -= 4) text += "0123456789abcdef"[(state_ >> static_cast<unsigned>(shift)) & 15U];
    return text;
  }

 private:
  constexpr void add_byte(std::uint64_t byte) { state_ = (state_ ^ byte) * 0x100000001b3U; }
  std::uint64_t state_ = 0xcbf29ce484222325U;
};

}  // namespace convoy
