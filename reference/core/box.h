/// Box: a part of a tensor that consists of consecutive samples, channels, rows and columns.
#pragma once

#include <algorithm>
#include <array>

#include "reference/core/shape.h"
#include "reference/core/shard.h"

namespace convoy {

/// The directions in which tensors are divided. For filters [K,C,R,S] n and c mean K and C.
enum class Dim : std::uint8_t { batch, channels, rows };

/// In the coordinates of the whole tensor. The elements of a box lie in row-major order, without gaps, in a region of their own.
struct Box {
  Slice n, c, h, w;

  [[nodiscard]] Shape shape() const {
    return {static_cast<int>(n.count), static_cast<int>(c.count), static_cast<int>(h.count), static_cast<int>(w.count)};
  }
  [[nodiscard]] std::int64_t count() const { return n.count * c.count * h.count * w.count; }
  [[nodiscard]] bool empty() const { return count() == 0; }
  [[nodiscard]] const Slice& along(Dim dim) const { return dim == Dim::batch ? n : dim == Dim::channels ? c : h; }
  [[nodiscard]] Slice& along(Dim dim) { return dim == Dim::batch ? n : dim == Dim::channels ? c : h; }
  friend bool operator==(const Box&, const Box&) = default;
};

/// The whole of a tensor.
constexpr Box box_of(const Shape& shape) { return {{0, shape.n}, {0, shape.c}, {0, shape.h}, {0, shape.w}}; }

/// What two slices have in common; empty slices start where the later of the two does.
constexpr Slice intersection(const Slice& a, const Slice& b) {
  const std::int64_t begin = std::max(a.offset, b.offset);
  return {begin, std::max<std::int64_t>(0, std::min(a.end(), b.end()) - begin)};
}
inline Box intersection(const Box& a, const Box& b) {
  return {intersection(a.n, b.n), intersection(a.c, b.c), intersection(a.h, b.h), intersection(a.w, b.w)};
}

/// Whether `part`, which lies inside `whole`, is one run of consecutive elements there; its place is offset_of().
inline bool is_contiguous(const Box& part, const Box& whole) {
  if (part.empty() || part == whole) return true;
  const std::array<Slice, 4> parts = {part.n, part.c, part.h, part.w};
  const std::array<Slice, 4> wholes = {whole.n, whole.c, whole.h, whole.w};
  std::size_t first = 0;  // the outermost direction in which the part has more than one
  while (first < 4 && parts.at(first).count == 1) ++first;
  for (std::size_t d = first + 1; d < 4; ++d)
    if (parts.at(d) != wholes.at(d)) return false;
  return true;
}

/// Elements before the first one of `part` in a region that holds `whole`; 0 for an empty part.
inline std::int64_t offset_of(const Box& part, const Box& whole) {
  if (part.empty()) return 0;
  return (((part.n.offset - whole.n.offset) * whole.c.count + part.c.offset - whole.c.offset) * whole.h.count + part.h.offset -
          whole.h.offset) *
             whole.w.count +
         part.w.offset - whole.w.offset;
}

}  // namespace convoy
