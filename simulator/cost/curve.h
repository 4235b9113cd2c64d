/// Curve: a time that was measured at some sizes, at any size. Internal to simulator/cost.
#pragma once

#include <iterator>
#include <map>
#include <utility>

namespace convoy {

// Note [between measurements]
// A time is known at some sizes: images that the op works on, or elements of flat ops (see OpSize). Between two of them it is the
// straight line. Outside, it is in proportion to the nearest: a kernel's fixed part is neglected there, so measure near the sizes
// you simulate.

/// Measured times by size, sizes ascending and positive.
class Curve {
 public:
  void add(double size, double time_s) { points_[size] = time_s; }
  [[nodiscard]] bool has(double size) const { return points_.contains(size); }

  [[nodiscard]] double at(double size) const {
    const auto above = points_.lower_bound(size);
    if (above == points_.end()) return scaled(*points_.rbegin(), size);
    if (above->first == size) return above->second;
    if (above == points_.begin()) return scaled(*above, size);
    const auto below = std::prev(above);
    const double part = (size - below->first) / (above->first - below->first);
    return below->second + part * (above->second - below->second);
  }

 private:
  static double scaled(const std::pair<const double, double>& point, double size) { return point.second * (size / point.first); }

  std::map<double, double> points_;
};

}  // namespace convoy
