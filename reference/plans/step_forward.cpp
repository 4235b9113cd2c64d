// Forward ops of a node: StepWriter::forward().

#include <algorithm>

#include "reference/core/error.h"
#include "reference/plans/step_writer.h"

namespace convoy {

void StepWriter::forward(Flow& flow, int i) {
  const Layer& layer = node(i).layer;
  if (forward_while_halos_travel(flow, i)) return;
  for (std::size_t j = 0; j < node(i).inputs.size(); ++j) flow.inputs[index(i)].push_back(input(flow, i, j));
  const PlacedTensor& x = flow.inputs[index(i)].front();
  if (only_looks(layer)) {
    flow.outputs[index(i)] = {x.region, local_box(whole_output(flow, i), layout(i).made, writer_.coordinates()), layout(i).made};
    return finish(flow, i, flow.outputs[index(i)]);
  }
  if (std::holds_alternative<BatchNorm2d>(layer)) return forward_norm(flow, i, x);
  if (learning_nodes_.contains(i)) return forward_product(flow, i, x);
  forward_simple(flow, i);
}

void StepWriter::forward_product(Flow& flow, int i, const PlacedTensor& x) {
  const PlacedTensor y = make_output(flow, i);
  std::vector<Operand> operands = {{Role::x, Access::read, x.region, x.box}};
  add_learned(operands, i, Access::read, !has_partial_output(i));
  operands.push_back({Role::y, Access::write, y.region, y.box});
  Work all = work(i, x.box, y.box, Pass::forward);
  if (const int norm = norm_summed_by(flow, i); norm >= 0) {
    const Region sums = flow.sums[index(norm)] =
        writer_.add_flat(name(flow, norm, "sums"), BufferKind::activation, 2 * y.box.c.count + 1, DType::f64);
    operands.push_back({Role::sums, Access::write, sums});
    all += {3 * static_cast<double>(y.box.count()), 0, writer_.bytes(sums)};
  }
  writer_.compute(name(flow, i, "forward"), {ComputeKind::forward, i, operands, all});
  finish(flow, i, y);
}

/// The BatchNorm2d whose statistics a convolution sums up while it has its output at hand; -1 when there is none, or when the
/// norm gets that output in other parts, or at another rank.
int StepWriter::norm_summed_by(const Flow& flow, int i) const {
  const auto* conv = std::get_if<Conv2d>(&node(i).layer);
  if (!train_ || conv == nullptr || !conv->statistics || flow.samples.count == 0 || has_partial_output(i) || flow.again) return -1;
  for (int reader = i + 1; reader < node_count(); ++reader)
    if (std::holds_alternative<BatchNorm2d>(node(reader).layer) && node(reader).inputs.front() == i)
      return layout(reader).inputs.front() == layout(i).made && stages_[index(reader)] == stages_[index(i)] ? reader : -1;
  return -1;
}

/// Rows that need no halo first, while the halo travels; then those above and below, then all are put together.
bool StepWriter::forward_while_halos_travel(Flow& flow, int i) {
  const Layer& layer = node(i).layer;
  if (!plan_.overlap || !slides_over_rows(layer) || has_partial_output(i)) return false;
  const int producer = node(i).inputs.front();
  const PlacedTensor own = producer == kImages ? flow.images : flow.outputs[index(producer)];
  if (!communicates(own.state, layout(i).inputs.front())) return false;
  for (std::size_t a = 0; a < own.state.size(); ++a)  // only the rows move, and by halos
    if (!(own.state[a] == layout(i).inputs.front()[a]) &&
        !(is_disjoint_shard(own.state[a], Dim::rows) && layout(i).rules[a] == Rule::spatial))
      return false;

  const Box whole_x = whole_input(flow, i, 0);
  const PlacedTensor y{{}, local_box(whole_output(flow, i), layout(i).made, writer_.coordinates()), layout(i).made};
  Slice inside{y.box.h.end(), 0};  // output rows whose windows end within this rank's rows
  for (std::int64_t p = y.box.h.offset; p < y.box.h.end(); ++p) {
    const Slice needed = rows_needed(layer, {p, 1}, static_cast<int>(whole_x.h.count));
    if (intersection(needed, own.box.h).count != needed.count) continue;
    if (inside.count == 0) inside.offset = p;
    inside.count = p + 1 - inside.offset;
  }
  const auto part = [&](const PlacedTensor& x, const Slice& rows, const char* which) {
    Box box = y.box;
    box.h = rows;
    PlacedTensor made = writer_.add_tensor(name(flow, i, cat("y.", which)), BufferKind::activation, box, {});
    std::vector<Operand> operands = {{Role::x, Access::read, x.region, x.box}};
    add_learned(operands, i, Access::read);
    operands.push_back({Role::y, Access::write, made.region, made.box});
    Box needed = x.box;
    needed.h = rows_needed(layer, rows, static_cast<int>(whole_x.h.count));
    writer_.compute(name(flow, i, cat("forward.", which)),
                    {ComputeKind::forward, i, operands, work(i, needed, made.box, Pass::forward)});
    return made;
  };
  std::vector<PlacedTensor> parts;
  const auto meanwhile = [&] {
    if (inside.count > 0) parts.push_back(part(own, inside, "inside"));
  };
  const PlacedTensor x =
      redistribute(writer_, own, layout(i).inputs.front(), whole_x,
                   {.name = name(flow, i, "x"), .node = i, .kind = BufferKind::activation, .meanwhile = meanwhile});
  flow.inputs[index(i)].push_back(x);
  if (inside.offset > y.box.h.offset) parts.push_back(part(x, {y.box.h.offset, inside.offset - y.box.h.offset}, "above"));
  if (inside.count > 0 && inside.end() < y.box.h.end())
    parts.push_back(part(x, {inside.end(), y.box.h.end() - inside.end()}, "below"));
  PlacedTensor together = parts.size() == 1 ? PlacedTensor{parts.front().region, parts.front().box, y.state}
                                            : writer_.add_tensor(name(flow, i, "y"), BufferKind::activation, y.box, y.state);
  if (parts.size() != 1) writer_.copy(name(flow, i, "y.together"), parts, {together});
  finish(flow, i, together);
  return true;
}

void StepWriter::forward_norm(Flow& flow, int i, const PlacedTensor& x) {
  const PlacedTensor y = make_output(flow, i);
  const Work all = work(i, x.box, y.box, Pass::forward);
  const auto values = static_cast<double>(x.box.count());
  const double x_bytes = writer_.bytes(x.region);
  if (train_) statistics(flow, i, x);
  std::vector<Operand> operands;
  for (const PlacedTensor& each : flow.inputs[index(i)]) operands.push_back({Role::x, Access::read, each.region, each.box});
  add_learned(operands, i, Access::read);
  if (train_) operands.push_back({Role::sums, Access::read, flow.sums[index(i)]});
  if (!flow.again) add_running(operands, i, train_ ? Access::update : Access::read);
  operands.push_back({Role::y, Access::write, y.region, y.box});
  writer_.compute(
      name(flow, i, "forward"),
      {ComputeKind::forward, i, operands, {all.flops - 3 * values, std::max(0.0, all.bytes_read - x_bytes), all.bytes_written}});
  finish(flow, i, y);
}

/// Sums over this rank's x, unless the convolution before has summed them up, then over all ranks that share a group.
void StepWriter::statistics(Flow& flow, int i, const PlacedTensor& x) {
  Region& sums = flow.sums[index(i)];
  if (flow.again) return;
  if (sums.slice.count == 0) {
    sums = writer_.add_flat(name(flow, i, "sums"), BufferKind::activation, 2 * x.box.c.count + 1, DType::f64);
    writer_.compute(name(flow, i, "statistics"),
                    {ComputeKind::statistics,
                     i,
                     {{Role::x, Access::read, x.region, x.box}, {Role::sums, Access::write, sums}},
                     {3 * static_cast<double>(x.box.count()), writer_.bytes(x.region), writer_.bytes(sums)}});
  }
  add_up(name(flow, i, "sums"), i, sums);
}

void StepWriter::forward_simple(Flow& flow, int i) {
  const PlacedTensor y = make_output(flow, i);
  std::vector<Operand> operands;
  std::int64_t channel = 0;  // Concat: where the channels of an input stand in the output
  for (std::size_t j = 0; j < node(i).inputs.size(); ++j) {
    PlacedTensor x = flow.inputs[index(i)][j];
    if (std::holds_alternative<Concat>(node(i).layer)) {
      x.box.c.offset += channel;
      channel += whole_input(flow, i, j).c.count;
    }
    operands.push_back({Role::x, Access::read, x.region, x.box});
  }
  operands.push_back({Role::y, Access::write, y.region, y.box});
  const bool concat = std::holds_alternative<Concat>(node(i).layer);
  const Box& x_box = concat ? y.box : flow.inputs[index(i)].front().box;
  writer_.compute(name(flow, i, "forward"), {ComputeKind::forward, i, operands, work(i, x_box, y.box, Pass::forward)});
  finish(flow, i, y);
}

/// Sums products over ranks where that is still to do, and adds the bias after it.
void StepWriter::finish(Flow& flow, int i, const PlacedTensor& made) {
  PlacedTensor y = bring(made, layout(i).output, made.layout, whole_output(flow, i), {.name = name(flow, i, "y"), .node = i});
  if (has_partial_output(i)) {
    std::vector<Operand> operands;
    add_learned(operands, i, Access::read);
    std::erase_if(operands, [](const Operand& operand) { return operand.role != Role::bias; });
    if (!operands.empty()) {
      operands.push_back({Role::y, Access::update, y.region, y.box});
      const auto values = static_cast<double>(y.box.count());
      writer_.compute(name(flow, i, "bias"),
                      {ComputeKind::bias, i, operands, {values, writer_.bytes(y.region), writer_.bytes(y.region)}});
    }
  }
  flow.outputs[index(i)] = y;
}

}  // namespace convoy
