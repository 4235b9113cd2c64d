/// Compute ops of gradients and weights: the update, and what becomes of gradients before it.
#pragma once

#include <utility>

#include "reference/core/payload.h"
#include "reference/cpu/compress.h"
#include "reference/train/compute_op.h"

namespace convoy {

/// A step of stochastic gradient descent, with the rate of LARS where that is chosen.
template <class T>
void update(const ComputeOp<T>& op) {
  const std::span<T> momentum = op.find(Role::momentum) != nullptr ? op.flat(Role::momentum) : std::span<T>{};
  cpu::SgdSettings sgd = op.settings.sgd(op.step);
  if (op.call.share != 1) sgd.weight_decay *= op.call.share;
  if (op.settings.lars) {
    sgd.scale = std::exchange(sgd.learning_rate, 1.0);
    if (op.find(Role::norms) != nullptr) {
      const std::span<const double> sums = op.doubles(Role::norms);
      sgd.scale *= lars_rate(op.settings.lars_trust, sums[0], sums[1], sgd.weight_decay);
    }
  }
  op.kernels.sgd_update(op.flat(Role::weights), op.flat(Role::gradients), momentum, sgd);
}

/// Sums of squares of a tensor and of its gradient, for LARS.
template <class T>
void norms(const ComputeOp<T>& op) {
  if (op.device() != nullptr) op.device()->synchronise();  // the host adds up
  const std::span<double> sums = op.doubles(Role::norms);
  sums[0] = cpu::naive::sum_of_squares<T>(op.flat(Role::weight));
  sums[1] = cpu::naive::sum_of_squares<T>(op.flat(Role::weight_gradient));
}

/// Times the share that the rank's images have in the batch.
template <class T>
void weigh(const ComputeOp<T>& op) {
  if (op.device() != nullptr) op.device()->synchronise();  // the host multiplies
  const double share = static_cast<double>(op.call.schedule.samples(op.call.rank).count) / op.call.schedule.global_batch;
  for (const Operand& operand : op.call.compute.operands) {
    T* values = op.call.memory.template at<T>(operand.region);
    for (std::int64_t i = 0; i < operand.region.slice.count; ++i) values[i] = static_cast<T>(values[i] * static_cast<T>(share));
  }
}

/// Gradients as a payload of core/payload.h: the largest ones where the others are kept for later steps, else 8 bits each.
template <class T>
void compress(const ComputeOp<T>& op) {
  const auto payload = op.operands.template flat<std::uint32_t>(Role::payload);
  if (op.find(Role::error) != nullptr)
    cpu::compress_top_k<T>(op.flat(Role::gradients), op.flat(Role::error), payload);
  else
    cpu::compress_int8<T>(op.flat(Role::gradients), payload);
}

/// Gradients += the payloads of all ranks.
template <class T>
void decompress(const ComputeOp<T>& op) {
  const std::span<const std::uint32_t> payloads = op.operands.template flat<std::uint32_t>(Role::payload);
  const auto each = static_cast<std::size_t>(words_of_payload(payloads));
  cpu::add_payloads<T>(payloads, static_cast<int>(payloads.size() / each), op.flat(Role::gradients));
}

}  // namespace convoy
