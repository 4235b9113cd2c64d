/// Payload: compressed gradients as they travel, in words of 32 bits.
///
///   word 0   method
///   word 1   top_k: number of pairs      int8: number of elements
///   then     top_k: for every pair the place of an element, then its value as a float
///            int8:  a scale (a float) for every block of kInt8Block elements, then four elements a word, each value / scale
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "reference/core/error.h"

namespace convoy {

enum class PayloadMethod : std::uint8_t { top_k, int8 };

inline constexpr std::int64_t kPayloadHeader = 2;
inline constexpr std::int64_t kInt8Block = 256;

/// Words of a payload of `pairs` elements and their places.
inline std::int64_t top_k_words(std::int64_t pairs) { return kPayloadHeader + 2 * pairs; }
/// Words of a payload of `count` elements in 8 bits.
inline std::int64_t int8_words(std::int64_t count) {
  return kPayloadHeader + (count + kInt8Block - 1) / kInt8Block + (count + 3) / 4;
}
/// Words of the payload that begins here, as its header says.
inline std::int64_t words_of_payload(std::span<const std::uint32_t> payload) {
  require(std::ssize(payload) >= kPayloadHeader, "words_of_payload", payload.size(), " words");
  return payload[0] == static_cast<std::uint32_t>(PayloadMethod::top_k) ? top_k_words(payload[1]) : int8_words(payload[1]);
}
/// How many of `count` elements are kept when a share of them is: at least one of any.
inline std::int64_t kept_pairs(std::int64_t count, double share) {
  return std::clamp<std::int64_t>(static_cast<std::int64_t>(share * static_cast<double>(count) + 0.5), std::min<std::int64_t>(count, 1),
                                  count);
}

}  // namespace convoy
