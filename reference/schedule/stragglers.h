/// Stragglers: ranks that compute more slowly than they should, the same in every executor.
#pragma once

#include <cmath>
#include <cstdint>
#include <map>

#include "reference/core/random.h"

namespace convoy {

/// Every compute op of a rank takes factor() times as long in an iteration. With jitter this is one draw for each rank and
/// iteration, from the seed alone, so a real run and a simulated one are slow in the same places.
struct Stragglers {
  std::map<int, double> slow;  ///< rank -> factor of 1 or more, in all iterations
  /// Mean of what is added to every factor: x from the exponential distribution, density exp(-x / jitter) / jitter. With n ranks
  /// that meet once an iteration, and compute c seconds until then, the slowest takes c (1 + jitter (1 + 1/2 + ... + 1/n)) in the
  /// mean, since the largest of n such x has the mean of a sum of n independent ones (Renyi 1953).
  double jitter = 0;
  std::uint64_t seed = 1;

  [[nodiscard]] bool any() const { return jitter > 0 || !slow.empty(); }
  [[nodiscard]] double factor(int rank, std::int64_t iteration) const {
    const auto found = slow.find(rank);
    double factor = found == slow.end() ? 1.0 : found->second;
    constexpr int kPurpose = 11;  // another stream of numbers than weights, orders and Dropout draw from
    if (jitter > 0) factor -= jitter * std::log1p(-unit_interval(random_bits(seed, kPurpose, rank, iteration)));
    return factor;
  }
  friend bool operator==(const Stragglers&, const Stragglers&) = default;
};

}  // namespace convoy
