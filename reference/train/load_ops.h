/// Images and answers of a step, from the data set into the memory of a rank.
#pragma once

#include <type_traits>

#include "reference/train/compute_op.h"

namespace convoy {

/// The images `mine` of the global batch into memory of the host; `out` has room for just them.
template <class T>
void load_images(const ComputeOp<T>& op, const Slice& mine, std::span<T> out) {
  const std::int64_t size = op.data.image.sample_count();
  require(std::ssize(out) == mine.count * size, "CpuCompute", "op '", op.call.op.name, "': ", out.size(), " elements for ",
          mine.count, " images of ", size);
  if (op.settings.loader != nullptr) {
    if constexpr (std::is_same_v<T, float>) return op.settings.loader->take(op.step, mine, out.data());
    require(false, "CpuCompute", "images are prepared in float, and op '", op.call.op.name, "' wants other elements");
  }
  const auto& augmentation = op.settings.augmentation;
  for (std::int64_t i = 0; i < mine.count; ++i)
    write_sample(op.data, op.sample_at(mine.offset + i), augmentation ? &*augmentation : nullptr, op.settings.variation,
                 op.state.picture, out.data() + i * size);
}

/// This rank's images of the batch.
template <class T>
void load(const ComputeOp<T>& op) {
  const std::span<T> out = op.flat(Role::y);
  const Slice mine = op.global_samples(Role::y);
  if constexpr (std::is_same_v<T, float>) {
    if (op.device() != nullptr) {
      op.state.staged.resize(out.size());
      load_images<float>(op, mine, op.state.staged);
      return op.device()->upload(out.data(), op.state.staged.data(), static_cast<std::int64_t>(out.size_bytes()));
    }
  }
  load_images(op, mine, out);
}

/// The answers for the samples of an operand, into the rank's labels: every rank can look up all of them.
template <class T>
void read_labels(const ComputeOp<T>& op, Role role) {
  const Slice samples = op.global_samples(role);
  op.state.labels.resize(static_cast<std::size_t>(samples.count));
  for (std::int64_t i = 0; i < samples.count; ++i)
    op.state.labels[static_cast<std::size_t>(i)] = op.data.labels.at(static_cast<std::size_t>(op.sample_at(samples.offset + i)));
}

}  // namespace convoy
