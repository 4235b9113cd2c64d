// What moves before a node can compute: images, weights and running statistics handed out, inputs brought where they are needed,
// statistics of BatchNorm2d added up.

#include "reference/core/error.h"
#include "reference/plans/step_writer.h"

namespace convoy {

void StepWriter::load(Flow& flow) {
  flow.images = make("images" + flow.suffix, BufferKind::input, whole_output(flow, kImages), layout_.images);
  const double bytes = writer_.bytes(flow.images.region);
  writer_.compute("load" + flow.suffix,
                  {ComputeKind::load, -1, {{Role::y, Access::write, flow.images.region, flow.images.box}}, {0, bytes, bytes}});
}

/// The rank at the root keeps the weights up to date; the others get them at the start of every step.
void StepWriter::hand_out_weights() {
  if (!plan_.at_root) return;
  for (int axis = 0; axis < static_cast<int>(plan_.mesh.axes.size()); ++axis) {
    if (writer_.extent(axis) == 1) continue;
    for (const Region& region : {weights_, statistics_}) {
      const int id = writer_.next_id();
      if (region.slice.count == 0) continue;
      writer_.communicate(region == weights_ ? "weights.broadcast" : "running_statistics.broadcast", kCommunicationStream, -1,
                          Collective{.kind = CollectiveKind::broadcast,
                                     .algorithm = "binomial",
                                     .axis = axis,
                                     .id = id,
                                     .root = 0,
                                     .chunks = 1,
                                     .region = region});
    }
  }
}

/// Evaluation uses the running statistics of the first of the ranks that have their own.
void StepWriter::share_statistics() {
  if (train_ || plan_.at_root) return;
  for (int i = 0; i < node_count(); ++i) {
    if (!std::holds_alternative<BatchNorm2d>(node(i).layer) || !runs(i) || !is_mine(i)) continue;
    std::vector<Operand> running;
    add_running(running, i, Access::read);
    const Region region{
        statistics_.buffer,
        {running.front().region.slice.offset, running.back().region.slice.end() - running.front().region.slice.offset}};
    for (const int axis : layout(i).apart)
      writer_.communicate(node(i).name + ".running_statistics.broadcast", kCommunicationStream, i,
                          Collective{.kind = CollectiveKind::broadcast,
                                     .algorithm = "binomial",
                                     .axis = axis,
                                     .id = writer_.next_id(),
                                     .root = 0,
                                     .chunks = 1,
                                     .region = region});
  }
}

PlacedTensor StepWriter::input(Flow& flow, int i, std::size_t j) {
  const int producer = node(i).inputs[j];
  const PlacedTensor& made = producer == kImages ? flow.images : flow.outputs[index(producer)];
  const State& wanted = layout(i).inputs[j];
  // A convolution reads images, with few channels, as they are.
  const bool blocked = computes_blocked_[index(i)] && producer != kImages;
  const BufferLayout layout_wanted = blocked ? BufferLayout::nchw16c : BufferLayout::nchw;
  for (const auto& [key, tensor] : flow.moved)
    if (key.first == producer && tensor.state == wanted && tensor.layout == layout_wanted) return tensor;
  const std::string suffix = node(i).inputs.size() > 1 ? cat("x", j) : "x";
  PlacedTensor moved =
      bring(made, wanted, layout_wanted, whole_input(flow, i, j), {.name = name(flow, i, suffix), .node = i});
  flow.moved[{producer, static_cast<int>(flow.moved.size())}] = moved;
  return moved;
}

void StepWriter::add_up(const std::string& what, int i, const Region& sums) {
  for (const int axis : layout(i).together)
    writer_.communicate(what + ".all_reduce", kActivationStream, i,
                        Collective{.kind = CollectiveKind::all_reduce,
                                   .algorithm = "ring",
                                   .axis = axis,
                                   .id = writer_.next_id(),
                                   .root = 0,
                                   .chunks = 1,
                                   .region = sums});
}

}  // namespace convoy
