#include "reference/collectives/ring_order.h"

#include <numeric>

namespace convoy {
namespace {

/// The k-th number from 1 that has no divisor in common with n, up to n/2 (beyond, the rings are those of before, reversed);
/// counted around when there are fewer.
int kth_step(int n, int k) {
  int found = 0;
  for (int step = 1; step <= n / 2; ++step) found += std::gcd(step, n) == 1 ? 1 : 0;
  if (found == 0) return 1;
  k %= found;
  for (int step = 1;; ++step)
    if (std::gcd(step, n) == 1 && k-- == 0) return step;
}

int inverse_of(int step, int n) {
  for (std::int64_t i = 1; i < n; ++i)
    if (i * step % n == 1) return static_cast<int>(i);
  return 1;
}

}  // namespace

RingOrder::RingOrder(const CollectiveRequest& request) : n_(request.world_size), node_(request.ranks_per_node) {
  if (node_ <= 1 || node_ >= n_ || n_ % node_ != 0) node_ = n_;
  if (node_ < n_) {
    shift_ = request.channel % node_;
  } else if (request.channel > 0 && n_ > 2) {
    step_ = kth_step(n_, request.channel / 2);
    if (request.channel % 2 == 1) step_ = n_ - step_;
    inverse_ = inverse_of(step_, n_);
  }
}

int RingOrder::position_of(int rank) const {
  if (node_ < n_) return rank / node_ * node_ + (rank % node_ + node_ - shift_) % node_;
  return static_cast<int>(std::int64_t{rank} * inverse_ % n_);
}

int RingOrder::rank_at(int position) const {
  const int p = wrapped(position, n_);
  if (node_ < n_) return p / node_ * node_ + (p % node_ + shift_) % node_;
  return static_cast<int>(std::int64_t{p} * step_ % n_);
}

}  // namespace convoy
