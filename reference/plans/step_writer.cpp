#include "reference/plans/step_writer.h"

#include <algorithm>

#include "reference/core/error.h"
#include "reference/model/layer_part.h"

namespace convoy {

StepWriter::StepWriter(const Model& model, const Plan& plan, Mode mode, int batch, std::vector<int> coordinates)
    : model_(model),
      plan_(plan),
      train_(mode == Mode::train),
      batch_(batch),
      layout_(layout_of(model, plan, batch)),
      writer_(plan.mesh, std::move(coordinates), plan.dtype),
      pipeline_axis_(pipeline_axis(plan)),
      shape_(pipeline_shape(plan)),
      stages_(stages_of(model, plan)),
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
  if (pipeline_axis_ < 0) {
    run_in_parts();
  } else {
    run_pipeline();
  }
  if (train_) update();
  writer_.join();
  return writer_.take();
}

/// Forward and backward, for one part of the images after the other.
void StepWriter::run_in_parts() {
  const int tail = first_of_tail();
  Flow main = next_flow(0);
  if (tail < node_count() && plan_.scheme == ExchangeScheme::c) {
    load_pieces(main);
  } else {
    load(main);
  }
  hand_out_weights();
  share_statistics();
  if (train_) prepare_gradients();
  for (int part = 0; part < parts(); ++part) {
    last_part_ = part + 1 == parts();
    if (part > 0) {
      main = next_flow(part);
      load(main);
    }
    for (int i = 0; i < tail; ++i)
      if (runs(i)) forward(main, i);
    if (train_ && part == 0) zero_gradients();
    run_tail(main, tail);
    for (int i = node_count() - 1; train_ && i >= 0; --i) {
      if (i < tail) backward(main, i);
      if (last_part_) bucket_may_be_full(i);
    }
  }
}

/// The images of one of the parts that go forward and backward one after the other.
StepWriter::Flow StepWriter::next_flow(int part) {
  if (parts() == 1) return new_flow("", {0, batch_});
  require_whole_images("--accumulate 1");
  return new_flow(cat(".part", part), shard(batch_, parts(), part));
}

/// Parts of a rank's images must be parts of the images of all ranks with which it shares them.
void StepWriter::require_whole_images(const char* instead) const {
  const auto divides_images = [](const State& state) {
    return std::any_of(state.begin(), state.end(), [](const Placement& p) { return is_disjoint_shard(p, Dim::batch); });
  };
  bool refused = divides_images(layout_.images) || first_of_tail() < node_count();
  for (const NodeLayout& node : layout_.nodes) refused = refused || divides_images(node.output);
  if (refused)
    throw InputError(cat("plan '", plan_.name, "' divides images on an axis beside the batch axis, and parts of a rank's images would "
                         "be whole ranks' turns there; use ", instead, ", or another plan, for example data"));
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
    if (!is_mine(parameter.node)) continue;
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

}  // namespace convoy
