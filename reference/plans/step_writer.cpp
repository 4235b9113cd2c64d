#include "reference/plans/step_writer.h"

#include <algorithm>

#include "reference/core/error.h"
#include "reference/model/layer_part.h"

namespace convoy {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

/// The number of a reduction of gradients. Not one of ProgramWriter::next_id(): ranks with other parts of the weights may have
/// other buckets, though not those with whom they sum.
int gradient_id(int last_node, int axis) {
  constexpr int first = 1'000'000;
  constexpr int most_axes = 16;
  return first + last_node * most_axes + axis;
}

std::int64_t count_of(const std::vector<LocalParameter>& parts) { return parts.empty() ? 0 : parts.back().slice.end(); }

}  // namespace

StepWriter::StepWriter(const Model& model, const Plan& plan, Mode mode, int batch, std::vector<int> coordinates)
    : model_(model),
      plan_(plan),
      train_(mode == Mode::train),
      batch_(batch),
      layout_(layout_of(model, plan, batch)),
      writer_(plan.mesh, std::move(coordinates), plan.dtype),
      parameters_(parameters(model)),
      states_(states(model)),
      needed_(needed_for_answers(model)) {
  learned_ = local_parts(parameters_);
  running_ = local_parts(states_);
  for (const Parameter& parameter : parameters_) learning_nodes_.insert(parameter.node);
  for (const int i : learning_nodes_)  // rank 0 hands out what it has
    for (std::size_t a = 0; plan.at_root && a < plan.mesh.axes.size(); ++a)
      if (layout(i).weight[a].kind != Placement::Kind::replicate || layout(i).bias[a].kind != Placement::Kind::replicate)
        throw InputError(cat("node '", node(i).name, "': every rank gets the weights of rank 0 whole, and the rule '",
                             to_string(layout(i).rules[a]), "' divides them; give the node the rule 'batch' or 'replicate'"));
  for (int i = 0; i < node_count(); ++i) {
    bool learns = learning_nodes_.contains(i);
    for (const int before : node(i).inputs) learns = learns || (before != kImages && learns_before_[index(before)]);
    learns_before_.push_back(learns);
  }
  choose_layouts();
}

Program StepWriter::write() {
  writer_.program().batch = batch_;
  weights_ = writer_.add_flat("weights", BufferKind::weights, count_of(learned_));
  if (!running_.empty()) statistics_ = writer_.add_flat("running_statistics", BufferKind::weights, count_of(running_));
  const int tail = first_of_tail();
  Flow main = next_flow(0);
  if (tail < node_count() && plan_.scheme == ExchangeScheme::c) {
    load_pieces(main);
  } else {
    load(main);
  }
  hand_out_weights();
  share_statistics();
  if (train_) {
    momentum_ = writer_.add_flat("momentum", BufferKind::optimizer, count_of(learned_));
    gradients_ = writer_.add_flat("gradients", BufferKind::gradients, count_of(learned_));
    make_buckets();
  }
  for (int part = 0; part < parts(); ++part) {
    last_part_ = part + 1 == parts();
    if (part > 0) {
      main = next_flow(part);
      load(main);
    }
    for (int i = 0; i < tail; ++i)
      if (runs(i)) forward(main, i);
    if (train_ && part == 0)
      writer_.compute("zero_gradients",
                      {ComputeKind::zero, -1, {{Role::gradients, Access::write, gradients_}}, {0, 0, writer_.bytes(gradients_)}});
    run_tail(main, tail);
    for (int i = node_count() - 1; train_ && i >= 0; --i) {
      if (i < tail) backward(main, i);
      if (last_part_) bucket_may_be_full(i);
    }
  }
  if (train_) update();
  writer_.join();
  return writer_.take();
}

/// The images of one of the parts that go forward and backward one after the other.
StepWriter::Flow StepWriter::next_flow(int part) {
  if (parts() == 1) return new_flow("", {0, batch_});
  const auto divides_images = [](const State& state) {
    return std::any_of(state.begin(), state.end(), [](const Placement& p) { return is_disjoint_shard(p, Dim::batch); });
  };
  bool refused = divides_images(layout_.images) || first_of_tail() < node_count();
  for (const NodeLayout& node : layout_.nodes) refused = refused || divides_images(node.output);
  if (refused)
    throw InputError(cat("plan '", plan_.name, "' divides images on an axis beside the batch axis, and parts of a rank's images would "
                         "be whole ranks' turns there; use --accumulate 1, or another plan, for example data"));
  return new_flow(cat(".part", part), shard(batch_, parts(), part));
}

// ---- names and places

std::string StepWriter::name(const Flow& flow, int i, const std::string& what) const {
  return node(i).name + "." + what + flow.suffix;
}

StepWriter::Flow StepWriter::new_flow(std::string suffix, Slice samples) const {
  Flow flow{.suffix = std::move(suffix), .samples = samples};
  flow.outputs.resize(model_.nodes.size());
  flow.inputs.resize(model_.nodes.size());
  flow.dy.resize(model_.nodes.size());
  flow.sums.resize(model_.nodes.size());
  return flow;
}

Box StepWriter::whole_output(const Flow& flow, int i) const {
  Box box = box_of(i == kImages ? model_.image : layout_.outputs[index(i)]);
  box.n = flow.samples;
  return box;
}
Box StepWriter::whole_input(const Flow& flow, int i, std::size_t j) const { return whole_output(flow, node(i).inputs[j]); }

PlacedTensor StepWriter::make(const std::string& name, BufferKind kind, const Box& whole, const State& state,
                              BufferLayout layout) {
  return writer_.add_tensor(name, kind, local_box(whole, state, writer_.coordinates()), state, layout);
}

/// Layers whose output is their input: no op, no memory. Flatten always, Dropout in evaluation.
bool StepWriter::only_looks(const Layer& layer) const {
  return std::holds_alternative<Flatten>(layer) || (!train_ && std::holds_alternative<Dropout>(layer));
}

bool StepWriter::runs(int i) const { return train_ || needed_[index(i)]; }

bool StepWriter::has_partial_output(int i) const {
  return std::any_of(layout(i).made.begin(), layout(i).made.end(),
                     [](const Placement& p) { return p.kind == Placement::Kind::partial; });
}

std::vector<LocalParameter> StepWriter::local_parts(const std::vector<Parameter>& all) const {
  std::vector<LocalParameter> parts;
  std::int64_t offset = 0;
  for (const Parameter& parameter : all) {
    const NodeLayout& where = layout(parameter.node);
    const Box box = local_box(box_of(parameter.shape), parameter.name.ends_with(".weight") ? where.weight : where.bias,
                              writer_.coordinates());
    parts.push_back({&parameter, box, {offset, box.count()}});
    offset += box.count();
  }
  return parts;
}

/// The learned tensors of a node: to read their values, or to add to their gradients.
void StepWriter::add_learned(std::vector<Operand>& operands, int i, Access access, bool with_bias) const {
  const bool gradient = access == Access::update;
  for (const LocalParameter& part : learned_) {
    if (part.parameter->node != i) continue;
    const bool weight = part.parameter->name.ends_with(".weight");
    if (!weight && !with_bias) continue;
    const Role role = weight ? (gradient ? Role::weight_gradient : Role::weight) : (gradient ? Role::bias_gradient : Role::bias);
    operands.push_back({role, access, {(gradient ? gradients_ : weights_).buffer, part.slice}, part.box});
  }
}

void StepWriter::add_running(std::vector<Operand>& operands, int i, Access access) const {
  for (const LocalParameter& part : running_)
    if (part.parameter->node == i)
      operands.push_back({part.parameter->name.ends_with("_mean") ? Role::running_mean : Role::running_var,
                          access,
                          {statistics_.buffer, part.slice},
                          part.box});
}

Work StepWriter::work(int i, const Box& x, const Box& y, Pass pass) const {
  if (x.n.count == 0) return {};
  return work_of(layer_on_part(node(i).layer, x, y), x.shape(), pass, plan_.dtype, static_cast<int>(node(i).inputs.size()));
}

// ---- before forward

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
    if (!std::holds_alternative<BatchNorm2d>(node(i).layer) || !runs(i)) continue;
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

// ---- forward

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
/// norm gets that output in other parts.
int StepWriter::norm_summed_by(const Flow& flow, int i) const {
  const auto* conv = std::get_if<Conv2d>(&node(i).layer);
  if (!train_ || conv == nullptr || !conv->statistics || flow.samples.count == 0 || has_partial_output(i)) return -1;
  for (int reader = i + 1; reader < node_count(); ++reader)
    if (std::holds_alternative<BatchNorm2d>(node(reader).layer) && node(reader).inputs.front() == i)
      return layout(reader).inputs.front() == layout(i).made ? reader : -1;
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
  add_running(operands, i, train_ ? Access::update : Access::read);
  operands.push_back({Role::y, Access::write, y.region, y.box});
  writer_.compute(
      name(flow, i, "forward"),
      {ComputeKind::forward, i, operands, {all.flops - 3 * values, std::max(0.0, all.bytes_read - x_bytes), all.bytes_written}});
  finish(flow, i, y);
}

/// Sums over this rank's x, unless the convolution before has summed them up, then over all ranks that share a group.
void StepWriter::statistics(Flow& flow, int i, const PlacedTensor& x) {
  Region& sums = flow.sums[index(i)];
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

// ---- backward

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
    if (is_loss || std::holds_alternative<ReLU>(layer)) operands.push_back({Role::y, Access::read, y.region, y.box});
    add_mask(operands, flow, i);
    const PlacedTensor& x = flow.inputs[index(i)][j];
    if (std::holds_alternative<MaxPool2d>(layer) || std::holds_alternative<LocalResponseNorm>(layer))
      operands.push_back({Role::x, Access::read, x.region, x.box});
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

// ---- gradients

bool StepWriter::updates() const {
  if (!plan_.at_root) return true;
  const std::vector<int>& coordinates = writer_.coordinates();
  return std::all_of(coordinates.begin(), coordinates.end(), [](int c) { return c == 0; });
}

void StepWriter::make_buckets() {
  Bucket open;
  for (std::size_t p = 0; p < learned_.size(); ++p) {
    const int i = learned_[p].parameter->node;
    open.slice.count += learned_[p].slice.count;
    open.axes = layout(i).summed_over;
    const bool last = p + 1 == learned_.size();
    if (!last && learned_[p + 1].parameter->node == i) continue;
    const bool others = !last && layout(learned_[p + 1].parameter->node).summed_over != open.axes;
    const bool full = open.slice.count * size_bytes(plan_.dtype) >= plan_.bucket_bytes;
    if (!last && !others && !full) continue;
    open.last_node = i;
    if (open.slice.count > 0) buckets_.push_back(open);
    open = {.slice = {open.slice.end(), 0}};
  }
}

void StepWriter::bucket_may_be_full(int i) {
  if (full_buckets_ == buckets_.size() || buckets_[full_buckets_].last_node != i) return;
  if (plan_.overlap) reduce(full_buckets_);
  ++full_buckets_;
}

/// Sums a bucket over its axes, one after the other, once everything computed so far has ended.
void StepWriter::reduce(std::size_t b) {
  const Bucket& bucket = buckets_[b];
  Region region{gradients_.buffer, bucket.slice};
  if (bucket.axes.empty()) return;
  if (plan_.gradient_dtype) {
    const Region from = region;
    region = converted_[b] = writer_.add_flat(cat("bucket", b), BufferKind::workspace, bucket.slice.count, *plan_.gradient_dtype);
    writer_.compute(cat("bucket", b, ".convert"),
                    {ComputeKind::convert,
                     -1,
                     {{Role::x, Access::read, from}, {Role::y, Access::write, region}},
                     {static_cast<double>(bucket.slice.count), writer_.bytes(from), writer_.bytes(region)}});
  }
  for (const int axis : bucket.axes) {
    const CollectiveKind kind = plan_.at_root ? CollectiveKind::reduce : CollectiveKind::all_reduce;
    reductions_[b] = writer_.communicate(cat("bucket", b, ".", to_string(kind)), kCommunicationStream, -1,
                                         Collective{.kind = kind,
                                                    .algorithm = plan_.at_root ? "binomial" : plan_.all_reduce,
                                                    .axis = axis,
                                                    .id = gradient_id(bucket.last_node, axis),
                                                    .root = 0,
                                                    .chunks = plan_.chunks,
                                                    .region = region});
  }
}

void StepWriter::update() {
  if (!plan_.overlap)
    for (std::size_t b = 0; b < buckets_.size(); ++b) reduce(b);
  if (!updates()) return;
  // Without overlap nothing else runs while gradients travel: the first update waits for the last reduction.
  const auto after = [&]() -> std::vector<int> {
    if (plan_.overlap || reductions_.empty()) return {};
    return {reductions_.rbegin()->second};
  };
  for (std::size_t b = 0; b < buckets_.size(); ++b) {
    const Slice slice = buckets_[b].slice;
    if (converted_.contains(b)) {
      const Region from = converted_.at(b);
      const Region to{gradients_.buffer, slice};
      writer_.compute(cat("bucket", b, ".convert_back"),
                      {ComputeKind::convert,
                       -1,
                       {{Role::x, Access::read, from}, {Role::y, Access::write, to}},
                       {static_cast<double>(slice.count), writer_.bytes(from), writer_.bytes(to)}},
                      after());
    }
    if (plan_.optimiser != Optimiser::lars)
      update_slice(cat("bucket", b, ".update"), slice, buckets_[b].axes, {}, after());
  }
  if (plan_.optimiser == Optimiser::lars) update_with_norms();
}

/// v = mu v + g + wd w; w -= lr v, for a slice of a bucket. `norms`: those that decide the rate; an empty region: none do.
void StepWriter::update_slice(const std::string& name, const Slice& slice, const std::vector<int>& axes,
                              const Region& norms, std::vector<int> after) {
  const double n = static_cast<double>(slice.count);
  const double element = static_cast<double>(size_bytes(plan_.dtype));
  Compute compute{ComputeKind::update,
                  -1,
                  {{Role::weights, Access::update, {weights_.buffer, slice}},
                   {Role::gradients, Access::read, {gradients_.buffer, slice}},
                   {Role::momentum, Access::update, {momentum_.buffer, slice}}},
                  {6 * n, 3 * n * element, 2 * n * element},
                  axes};
  if (norms.slice.count > 0) compute.operands.push_back({Role::norms, Access::read, norms});
  writer_.compute(name, std::move(compute), std::move(after));
}

/// Whether LARS gives a tensor a rate of its own: weights of products, not biases and norms.
bool StepWriter::adapts(const LocalParameter& part) const {
  const Layer& layer = node(part.parameter->node).layer;
  return part.parameter->name.ends_with(".weight") && !std::holds_alternative<BatchNorm2d>(layer);
}

/// The sums of squares of a tensor and of its gradient, over all ranks that have parts of it.
Region StepWriter::norms_of(const LocalParameter& part) {
  const int i = part.parameter->node;
  const Region norms = writer_.add_flat(part.parameter->name + ".norms", BufferKind::workspace, 2, DType::f64);
  const Region weight{weights_.buffer, part.slice}, gradient{gradients_.buffer, part.slice};
  writer_.compute(part.parameter->name + ".norms",
                  {ComputeKind::norms,
                   i,
                   {{Role::weight, Access::read, weight, part.box},
                    {Role::weight_gradient, Access::read, gradient, part.box},
                    {Role::norms, Access::write, norms}},
                   {4 * static_cast<double>(part.slice.count), 2 * writer_.bytes(weight), writer_.bytes(norms)}});
  for (int axis = 0; axis < static_cast<int>(layout(i).weight.size()); ++axis)
    if (layout(i).weight[index(axis)].kind == Placement::Kind::shard)
      writer_.communicate(part.parameter->name + ".norms.all_reduce", kCommunicationStream, -1,
                          Collective{.kind = CollectiveKind::all_reduce,
                                     .algorithm = "ring",
                                     .axis = axis,
                                     .id = writer_.next_id(),
                                     .root = 0,
                                     .chunks = 1,
                                     .region = norms});
  return norms;
}

/// LARS: every learned tensor by itself. All ranks come by the same tensors in the same order, also those without a part.
void StepWriter::update_with_norms() {
  if (plan_.gradient_dtype)
    throw InputError("LARS needs gradients as they are, and they are to be summed in 16 bits; use --gradients f32, or --optimiser sgd");
  std::vector<int> after;
  if (!plan_.overlap && !reductions_.empty()) after.push_back(reductions_.rbegin()->second);
  for (const LocalParameter& part : learned_) {
    const Region norms = adapts(part) ? norms_of(part) : Region{};
    if (part.slice.count > 0)
      update_slice(part.parameter->name + ".update", part.slice, layout(part.parameter->node).summed_over, norms, after);
  }
}

}  // namespace convoy
