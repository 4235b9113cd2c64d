// Which activations of a step are blocked (BufferLayout::nchw16c), and where they are repacked.

#include <algorithm>

#include "reference/core/error.h"
#include "reference/plans/step_writer.h"

namespace convoy {
namespace {

template <class... L>
bool is_one_of(const Layer& layer) {
  return (std::holds_alternative<L>(layer) || ...);
}

bool travels_by_images_only(const Placement& placement) {
  return placement.kind == Placement::Kind::replicate || is_disjoint_shard(placement, Dim::batch);
}

}  // namespace

/// Whether the kernels of a node have a blocked form, and no axis divides what it touches but by images. A boundary at which parts
/// of the network hand over slices (one_weird_trick, schemes b and c) is nowhere in sight.
bool StepWriter::may_be_blocked(int i) const {
  const Layer& layer = node(i).layer;
  if (!is_one_of<Conv2d, BatchNorm2d, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d, GlobalAvgPool2d, ReLU, Activation, Add, Concat,
                 Scale, LocalResponseNorm>(layer))
    return false;
  if (const auto* activation = std::get_if<Activation>(&layer); activation != nullptr && !keeps_zero(activation->function))
    return false;
  // A blocked [N,C,1,1] is also a plain one when no lane is padding.
  if (is_one_of<GlobalAvgPool2d>(layer) && layout_.outputs[index(i)].c % kChannelBlock != 0) return false;
  const auto all = [](const State& state) { return std::all_of(state.begin(), state.end(), travels_by_images_only); };
  const NodeLayout& where = layout(i);
  return all(where.made) && all(where.output) && all(where.given_dy) && all(where.weight) &&
         std::all_of(where.inputs.begin(), where.inputs.end(), all) && std::all_of(where.dx.begin(), where.dx.end(), all);
}

/// Convolutions are blocked wherever they can be; the other layers where what they read is, since repacking takes about as long as
/// they do.
void StepWriter::choose_layouts() {
  computes_blocked_.assign(model_.nodes.size(), false);
  if (plan_.layout != ActivationLayout::blocked || plan_.dtype != DType::f32 || first_of_tail() < node_count()) return;
  for (int i = 0; i < node_count(); ++i) {
    bool reads_blocked = false;
    for (const int input : node(i).inputs)
      reads_blocked = reads_blocked || (input != kImages && computes_blocked_[index(input)] &&
                                        !std::holds_alternative<GlobalAvgPool2d>(node(input).layer));
    computes_blocked_[index(i)] = may_be_blocked(i) && (reads_blocked || std::holds_alternative<Conv2d>(node(i).layer));
  }
}

PlacedTensor StepWriter::make_output(const Flow& flow, int i) {
  const bool blocked = computes_blocked_[index(i)] && !std::holds_alternative<GlobalAvgPool2d>(node(i).layer);
  return make(name(flow, i, "y"), BufferKind::activation, whole_output(flow, i), layout(i).made,
              blocked ? BufferLayout::nchw16c : BufferLayout::nchw);
}

/// Another placement and another layout: what moves between ranks is nchw.
PlacedTensor StepWriter::bring(const PlacedTensor& tensor, const State& state, BufferLayout layout, const Box& whole,
                               const RedistributeSettings& settings) {
  PlacedTensor now = tensor;
  if (!(now.state == state)) {
    now = writer_.in_layout(settings.name + ".nchw", settings.kind, now, BufferLayout::nchw);
    now = redistribute(writer_, now, state, whole, settings);
  }
  return writer_.in_layout(cat(settings.name, ".", to_string(layout)), settings.kind, now, layout);
}

}  // namespace convoy
