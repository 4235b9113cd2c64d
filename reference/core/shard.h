/// Slices of a range and the one rule by which Convoy divides things: elements among ranks, images among ranks.
#pragma once

#include <cstdint>

namespace convoy {

/// `count` consecutive elements from `offset`.
struct Slice {
  std::int64_t offset = 0;
  std::int64_t count = 0;
  [[nodiscard]] constexpr std::int64_t end() const { return offset + count; }
  friend bool operator==(const Slice&, const Slice&) = default;
};

/// Whether two slices of the same range, neither of them empty, have an element in common.
constexpr bool overlap(const Slice& a, const Slice& b) { return a.offset < b.end() && b.offset < a.end(); }

/// Part `index` of `parts` of a range: [count*index/parts, count*(index+1)/parts). Parts differ by at most one element,
/// none is lost, and there may be empty ones. parts > 0, 0 <= index < parts.
constexpr Slice shard(std::int64_t count, std::int64_t parts, std::int64_t index) {
  const std::int64_t begin = count / parts * index + count % parts * index / parts;
  const std::int64_t end = count / parts * (index + 1) + count % parts * (index + 1) / parts;
  return {begin, end - begin};
}

/// The same within a slice.
constexpr Slice shard(const Slice& whole, std::int64_t parts, std::int64_t index) {
  const Slice part = shard(whole.count, parts, index);
  return {whole.offset + part.offset, part.count};
}

}  // namespace convoy
