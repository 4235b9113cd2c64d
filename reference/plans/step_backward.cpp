// Backward ops of a node: StepWriter::backward().

#include "reference/core/error.h"
#include "reference/plans/step_writer.h"

namespace convoy {

bool StepWriter::wants_input_gradient(int i, std::size_t j) const {
  const int before = node(i).inputs[j];
  return before != kImages && learns_before_[index(before)];
}

/// The gradient of a node's output: what all who read it say, added up.
PlacedTensor StepWriter::gradient_of(Flow& flow, int i) {
  const std::vector<PlacedTensor>& terms = flow.dy[index(i)];
  if (terms.size() == 1) return terms.front();
  const PlacedTensor sum =
      make(name(flow, i, "dy"), BufferKind::activation_gradient, whole_output(flow, i), layout(i).output, terms.front().layout);
  writer_.copy(name(flow, i, "dy.sum"), terms, {sum}, ComputeKind::sum);
  return sum;
}

void StepWriter::backward(Flow& flow, int i) {
  const bool is_loss = std::holds_alternative<SoftmaxCrossEntropy>(node(i).layer);
  if (!learns_before_[index(i)] || (!is_loss && flow.dy[index(i)].empty())) return;
  PlacedTensor dy;
  if (!is_loss)
    dy = bring(gradient_of(flow, i), layout(i).given_dy, flow.outputs[index(i)].layout, whole_output(flow, i),
               {.name = name(flow, i, "dy"), .node = i, .kind = BufferKind::activation_gradient});
  if (std::holds_alternative<BatchNorm2d>(node(i).layer)) return backward_norm(flow, i, dy);
  if (std::holds_alternative<Add>(node(i).layer)) return backward_add(flow, i, dy);
  if (std::holds_alternative<Scale>(node(i).layer)) return backward_scale(flow, i, dy);
  // Weights before inputs, so that the reduction of a bucket starts as early as it can; but inputs first where their gradient has
  // to travel, so that it does so while the weights are worked on.
  const int producer = node(i).inputs.front();
  const bool travels = wants_input_gradient(i, 0) && communicates(layout(i).dx.front(), layout(producer).output);
  const bool input_first = plan_.overlap && travels;
  const bool learns = learning_nodes_.contains(i);
  if (learns && !input_first) backward_weights(flow, i, dy);
  if (last_part_ && flow.first_node == 0 && !(learns && input_first)) bucket_may_be_full(i);
  backward_input(flow, i, dy);
  if (learns && input_first) backward_weights(flow, i, dy);
}

void StepWriter::backward_weights(Flow& flow, int i, const PlacedTensor& dy) {
  const PlacedTensor& x = flow.inputs[index(i)].front();
  std::vector<Operand> operands = {{Role::dy, Access::read, dy.region, dy.box}, {Role::x, Access::read, x.region, x.box}};
  add_mask(operands, flow, i);
  add_learned(operands, i, Access::update);
  writer_.compute(name(flow, i, "backward_weights"),
                  {ComputeKind::backward_weights, i, operands, work(i, x.box, dy.box, Pass::backward_weights)});
}

/// Where a ReLU is fused, dy counts where y is above 0.
void StepWriter::add_mask(std::vector<Operand>& operands, const Flow& flow, int i) const {
  const PlacedTensor& y = flow.outputs[index(i)];
  if (has_fused_relu(node(i).layer)) operands.push_back({Role::y, Access::read, y.region, y.box});
}

/// The gradient of every input is dy itself; with a fused ReLU, dy where y is above 0.
void StepWriter::backward_add(Flow& flow, int i, const PlacedTensor& dy) {
  bool wanted = false;
  for (std::size_t j = 0; j < node(i).inputs.size(); ++j) wanted = wanted || wants_input_gradient(i, j);
  if (!wanted) return;
  PlacedTensor dx = dy;
  if (has_fused_relu(node(i).layer)) {
    dx = make(name(flow, i, "dx"), BufferKind::activation_gradient, whole_output(flow, i), layout(i).given_dy, dy.layout);
    std::vector<Operand> operands = {{Role::dy, Access::read, dy.region, dy.box}};
    add_mask(operands, flow, i);
    operands.push_back({Role::dx, Access::write, dx.region, dx.box});
    writer_.compute(name(flow, i, "backward_input"),
                    {ComputeKind::backward_input, i, operands, work(i, dx.box, dy.box, Pass::backward_input)});
  }
  for (std::size_t j = 0; j < node(i).inputs.size(); ++j)
    if (wants_input_gradient(i, j)) pass_on(flow, i, j, {dx.region, dx.box, layout(i).dx[j], dx.layout});
}

/// The gradients of both inputs in one op: that of the image dy times the factors, that of the factors a sum of dy times the
/// image.
void StepWriter::backward_scale(Flow& flow, int i, const PlacedTensor& dy) {
  if (!wants_input_gradient(i, 0) && !wants_input_gradient(i, 1)) return;
  const std::vector<PlacedTensor>& inputs = flow.inputs[index(i)];
  std::vector<Operand> operands = {{Role::dy, Access::read, dy.region, dy.box}};
  for (const PlacedTensor& x : inputs) operands.push_back({Role::x, Access::read, x.region, x.box});
  std::vector<PlacedTensor> gradients;
  for (std::size_t j = 0; j < inputs.size(); ++j) {
    gradients.push_back(make(name(flow, i, cat("dx", j)), BufferKind::activation_gradient, whole_input(flow, i, j),
                             layout(i).dx[j], inputs[j].layout));
    operands.push_back({Role::dx, Access::write, gradients[j].region, gradients[j].box});
  }
  writer_.compute(name(flow, i, "backward_input"),
                  {ComputeKind::backward_input, i, operands, work(i, inputs.front().box, dy.box, Pass::backward_input)});
  for (std::size_t j = 0; j < inputs.size(); ++j)
    if (wants_input_gradient(i, j)) pass_on(flow, i, j, gradients[j]);
}

void StepWriter::backward_input(Flow& flow, int i, const PlacedTensor& dy) {
  const Layer& layer = node(i).layer;
  std::int64_t channel = 0;
  for (std::size_t j = 0; j < node(i).inputs.size(); ++j) {
    const Box whole = whole_input(flow, i, j);
    const Slice mine{channel, whole.c.count};
    channel += whole.c.count;
    if (!wants_input_gradient(i, j)) continue;
    const State& state = layout(i).dx[j];
    const Box box = local_box(whole, state, writer_.coordinates());
    if (only_looks(layer)) {
      pass_on(flow, i, j, {dy.region, box, state, dy.layout});
      continue;
    }
    const std::string what = node(i).inputs.size() > 1 ? cat("dx", j) : "dx";
    const PlacedTensor dx =
        make(name(flow, i, what), BufferKind::activation_gradient, whole, state, flow.inputs[index(i)][j].layout);
    if (std::holds_alternative<Concat>(layer)) {
      PlacedTensor to = dx;
      to.box.c.offset += mine.offset;
      writer_.copy(name(flow, i, what), {dy}, {to});
      pass_on(flow, i, j, dx);
      continue;
    }
    const bool is_loss = std::holds_alternative<SoftmaxCrossEntropy>(layer);
    std::vector<Operand> operands;
    if (!is_loss) operands.push_back({Role::dy, Access::read, dy.region, dy.box});
    const PlacedTensor& y = flow.outputs[index(i)];
    if (dx_reads_output(layer)) operands.push_back({Role::y, Access::read, y.region, y.box});
    add_mask(operands, flow, i);
    const PlacedTensor& x = flow.inputs[index(i)][j];
    if (dx_reads_input(layer)) operands.push_back({Role::x, Access::read, x.region, x.box});
    add_learned(operands, i, Access::read, false);
    operands.push_back({Role::dx, Access::write, dx.region, dx.box});
    writer_.compute(name(flow, i, "backward_input"),
                    {ComputeKind::backward_input, i, operands, work(i, box, is_loss ? y.box : dy.box, Pass::backward_input)});
    pass_on(flow, i, j, dx);
  }
}

/// With something added, the masked dy is the gradient of that: it is written where the sums are made, and used from there on.
void StepWriter::backward_norm(Flow& flow, int i, const PlacedTensor& dy) {
  const PlacedTensor& x = flow.inputs[index(i)].front();
  const bool adds = node(i).inputs.size() > 1 && wants_input_gradient(i, 1);
  const bool relu = has_fused_relu(node(i).layer);
  const Region sums = flow.sums[index(i)];
  const Region gradient_sums =
      writer_.add_flat(name(flow, i, "gradient_sums"), BufferKind::workspace, 2 * x.box.c.count, DType::f64);
  const auto values = static_cast<double>(x.box.count());
  const double bytes = writer_.bytes(x.region);
  const double sum_bytes = writer_.bytes(sums);
  const Work mask = relu ? Work{values, bytes, 0} : Work{};
  const Operand read_x{Role::x, Access::read, x.region, x.box};
  const Operand read_sums{Role::sums, Access::read, sums};
  PlacedTensor dz = dy;
  Work work_of_sums{5 * values, 2 * bytes + sum_bytes, sum_bytes};
  work_of_sums += mask;
  std::vector<Operand> operands = {{Role::dy, Access::read, dy.region, dy.box}, read_x, read_sums};
  add_mask(operands, flow, i);
  operands.push_back({Role::gradient_sums, Access::write, gradient_sums});
  if (adds && relu) {
    dz = make(name(flow, i, "dx1"), BufferKind::activation_gradient, whole_output(flow, i), layout(i).given_dy, dy.layout);
    operands.push_back({Role::dx, Access::write, dz.region, dz.box});
    work_of_sums.bytes_written += bytes;
  }
  writer_.compute(name(flow, i, "gradient_statistics"), {ComputeKind::gradient_statistics, i, operands, work_of_sums});
  std::vector<Operand> learned = {{Role::gradient_sums, Access::read, gradient_sums}};
  add_learned(learned, i, Access::update);
  writer_.compute(name(flow, i, "backward_weights"),
                  {ComputeKind::backward_weights, i, learned, work(i, x.box, dy.box, Pass::backward_weights)});
  if (wants_input_gradient(i, 0)) {
    add_up(name(flow, i, "gradient_sums"), i, gradient_sums);
    const PlacedTensor dx = make(name(flow, i, node(i).inputs.size() > 1 ? "dx0" : "dx"), BufferKind::activation_gradient,
                                 whole_input(flow, i, 0), layout(i).dx.front(), x.layout);
    operands = {{Role::dy, Access::read, dz.region, dz.box}, read_x, read_sums, {Role::gradient_sums, Access::read, gradient_sums}};
    Work work_of_dx{5 * values, 2 * bytes + 2 * sum_bytes, bytes};
    if (!adds && relu) {
      add_mask(operands, flow, i);
      work_of_dx += mask;
    }
    add_learned(operands, i, Access::read, false);
    operands.push_back({Role::dx, Access::write, dx.region, dx.box});
    writer_.compute(name(flow, i, "backward_input"), {ComputeKind::backward_input, i, operands, work_of_dx});
    pass_on(flow, i, 0, dx);
  }
  if (adds) pass_on(flow, i, 1, {dz.region, dz.box, layout(i).dx[1], dz.layout});
}

/// Brings the gradient of an input to where the output that it belongs to lies.
void StepWriter::pass_on(Flow& flow, int i, std::size_t j, PlacedTensor dx) {
  const int producer = node(i).inputs[j];
  if (producer < flow.first_node) {
    flow.dy[index(producer)].push_back(std::move(dx));
    return;
  }
  const std::string what = node(i).inputs.size() > 1 ? cat("dx", j) : "dx";
  flow.dy[index(producer)].push_back(
      bring(dx, layout(producer).output, flow.outputs[index(producer)].layout, whole_input(flow, i, j),
            {.name = name(flow, i, what), .node = i, .kind = BufferKind::activation_gradient}));
}

}  // namespace convoy
