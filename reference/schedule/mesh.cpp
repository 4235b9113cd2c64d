#include "reference/schedule/mesh.h"

namespace convoy {

int Mesh::world_size() const {
  int size = 1;
  for (const Axis& axis : axes) size *= axis.extent;
  return size;
}

int Mesh::stride(int axis) const {
  int stride = 1;
  for (std::size_t i = axes.size(); --i > static_cast<std::size_t>(axis);) stride *= axes[i].extent;
  return stride;
}

int Mesh::coordinate(int rank, int axis) const { return rank / stride(axis) % axes[static_cast<std::size_t>(axis)].extent; }

int Mesh::neighbour(int rank, int axis, int offset) const {
  if (axis == kAnyRank) return offset;
  const int extent = axes[static_cast<std::size_t>(axis)].extent;
  const int here = coordinate(rank, axis);
  const int there = (((here + offset) % extent) + extent) % extent;
  return rank + (there - here) * stride(axis);
}

std::vector<int> Mesh::group(int rank, int axis) const {
  std::vector<int> ranks;
  const int here = coordinate(rank, axis);
  for (int i = 0; i < axes[static_cast<std::size_t>(axis)].extent; ++i) ranks.push_back(rank + (i - here) * stride(axis));
  return ranks;
}

}  // namespace convoy
