/// ComputeOp: one compute op of a rank, with its operands as memory and what its kernels ask for besides.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "reference/core/tensor.h"
#include "reference/data/picture.h"
#include "reference/model/layer_part.h"
#include "reference/train/cpu_compute.h"
#include "reference/train/kernel_table.h"
#include "reference/train/operands.h"

namespace convoy {

/// What a rank keeps between ops; on a cache line of its own.
struct alignas(kAlignment_bytes) ComputeState {
  std::vector<int> labels;
  Picture picture;  ///< decoded last
  cpu::Loss totals;
  std::vector<float> staged;       ///< images on their way to a device
  AlignedArray<std::byte> masked;  ///< a dy where y is above 0, for layers with a fused ReLU
};

/// T: the type of its elements.
template <class T>
struct ComputeOp {
  const ComputeCall& call;
  const KernelTable<T>& kernels;
  const Model& model;
  const std::vector<Shape>& inputs;  ///< of each node, whole, with one image
  const Dataset& data;
  const ComputeSettings& settings;
  ComputeState& state;
  Operands operands{call};
  std::int64_t step = settings.first_step + call.iteration;

  [[nodiscard]] const DeviceBackend* device() const { return settings.device; }
  [[nodiscard]] const Node& node() const { return model.nodes.at(static_cast<std::size_t>(call.compute.node)); }
  [[nodiscard]] bool is_last_node() const { return call.compute.node + 1 == static_cast<int>(model.nodes.size()); }

  [[nodiscard]] const Operand* find(Role role) const { return operands.find(role); }
  [[nodiscard]] const Operand& need(Role role) const { return operands.need(role); }
  [[nodiscard]] std::span<T> flat(Role role) const { return operands.template flat<T>(role); }
  [[nodiscard]] std::span<double> doubles(Role role) const { return operands.template flat<double>(role); }
  [[nodiscard]] View<T> view_of(const Operand& operand) const { return operands.template view_of<T>(operand); }
  [[nodiscard]] View<T> view(Role role) const { return operands.template view<T>(role); }
  [[nodiscard]] View<T> optional_view(Role role) const { return operands.template optional_view<T>(role); }

  /// The window with the padding that is left where this part of the image lies.
  template <class L>
  [[nodiscard]] Window window(const L& layer, Role x, Role y) const {
    return std::get<L>(layer_on_part(layer, need(x).box, need(y).box)).window;
  }
  [[nodiscard]] int lead(Role x, Role y) const { return static_cast<int>(need(y).box.c.offset - need(x).box.c.offset); }
  /// The whole input of the node, of which this rank may have a part.
  [[nodiscard]] const Shape& whole_input() const { return inputs.at(static_cast<std::size_t>(call.compute.node)); }
  [[nodiscard]] double image_pixels() const { return static_cast<double>(whole_input().h) * whole_input().w; }

  /// The operand's samples, as numbers of the global batch.
  [[nodiscard]] Slice global_samples(Role role) const {
    const Slice mine = need(role).box.n;
    return {call.schedule.samples(call.rank).offset + mine.offset, mine.count};
  }
  /// Where in the data set the image at this position of the global batch is.
  [[nodiscard]] std::int64_t sample_at(std::int64_t position) const {
    if (settings.sample_at) return settings.sample_at(step, position);
    return (step * call.schedule.global_batch + position) % data.count();
  }
  [[nodiscard]] double probability(const Dropout& l) const { return settings.mode == Mode::train ? l.probability : 0.0; }
  [[nodiscard]] cpu::DropoutKey dropout_key(Role role) const {
    const Box& box = need(role).box;
    return {.seed = settings.seed,
            .step = step,
            .node = origin_of(model, call.compute.node),
            .first_sample = global_samples(role).offset,
            .first_channel = static_cast<int>(box.c.offset),
            .first_row = static_cast<int>(box.h.offset)};
  }
};

}  // namespace convoy
