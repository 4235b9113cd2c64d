/// Mesh: ranks as coordinates on named axes.
#pragma once

#include <string>
#include <vector>

namespace convoy {

/// One axis: how many ranks lie along it. The name is a label ("data", "model", "pipeline").
struct Axis {
  std::string name;
  int extent = 1;
  friend bool operator==(const Axis&, const Axis&) = default;
};

/// Stands for an axis where `offset` is not a number of steps but the number of a rank: servers and their workers find each other
/// like that, so that all workers can share a program.
inline constexpr int kAnyRank = -1;

/// Rank = row-major index of its coordinates; the last axis varies fastest.
struct Mesh {
  std::vector<Axis> axes;

  [[nodiscard]] int world_size() const;
  /// Coordinate of a rank along an axis.
  [[nodiscard]] int coordinate(int rank, int axis) const;
  /// The rank whose coordinate along `axis` is larger by `offset`, wrapping around; all others equal. With kAnyRank, `offset`.
  [[nodiscard]] int neighbour(int rank, int axis, int offset) const;
  /// Ranks that differ from `rank` along `axis` only, by coordinate. The rank of `rank` in this group is its coordinate.
  [[nodiscard]] std::vector<int> group(int rank, int axis) const;

  friend bool operator==(const Mesh&, const Mesh&) = default;

 private:
  [[nodiscard]] int stride(int axis) const;
};

}  // namespace convoy
