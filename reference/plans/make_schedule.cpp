#include <map>
#include <set>

#include "reference/core/error.h"
#include "reference/plans/plan.h"

namespace convoy {
namespace {

/// A buffer of at least `count` elements that has no shape of its own; exactly `count` up to 2^30.
Shape flat_shape(std::int64_t count) {
  constexpr std::int64_t widest = 1 << 30;
  if (count <= widest) return {1, static_cast<int>(count), 1, 1};
  return {1, static_cast<int>((count + widest - 1) / widest), static_cast<int>(widest), 1};
}

/// Writes the program of a rank that works on `batch` images.
class ProgramBuilder {
 public:
  ProgramBuilder(const Model& model, const Plan& plan, Mode mode, int batch)
      : model_(model),
        plan_(plan),
        train_(mode == Mode::train),
        batch_(batch),
        shapes_(output_shapes(model, batch)),
        parameters_(parameters(model)) {
    program_.batch = batch;
    for (const Parameter& parameter : parameters_) learned_.insert(parameter.node);
  }

  Program build() {
    const std::int64_t count = parameter_count(model_);
    weights_ = {add_buffer("weights", BufferKind::weights, flat_shape(count)), {0, count}};
    if (batch_ > 0) forward();
    if (train_) {
      momentum_ = {add_buffer("momentum", BufferKind::optimizer, flat_shape(count)), {0, count}};
      gradients_ = {add_buffer("gradients", BufferKind::gradients, flat_shape(count)), {0, count}};
      backward();
      update();
    }
    return std::move(program_);
  }

 private:
  // ---- forward

  void forward() {
    images_ = add_tensor("images", BufferKind::input, model_.image.with_batch(batch_));
    add_compute("load", {ComputeKind::load, -1, {{Role::y, Access::write, images_}}, {0, bytes(images_), bytes(images_)}});
    for (int i = 0; i < node_count(); ++i) {
      if (only_looks(node(i).layer)) {
        outputs_.push_back(input_of(i));
        continue;
      }
      const Region y = add_tensor(node(i).name + ".y", BufferKind::activation, shapes_[index(i)]);
      std::vector<Operand> operands = {{Role::x, Access::read, input_of(i)}};
      append(operands, learned_operands(i, Access::read, weights_, Role::weight, Role::bias));
      operands.push_back({Role::y, Access::write, y});
      add_compute(node(i).name + ".forward",
                  {ComputeKind::forward, i, operands, work_of(model_, i, batch_, Pass::forward, plan_.dtype)});
      outputs_.push_back(y);
    }
  }

  /// Layers whose output is their input: no op, no memory. Flatten always, Dropout in evaluation.
  [[nodiscard]] bool only_looks(const Layer& layer) const {
    return std::holds_alternative<Flatten>(layer) || (!train_ && std::holds_alternative<Dropout>(layer));
  }

  // ---- backward

  void backward() {
    buckets_ = gradient_buckets(model_, plan_.bucket_bytes, plan_.dtype);
    add_compute("zero_gradients",
                {ComputeKind::zero, -1, {{Role::gradients, Access::write, gradients_}}, {0, 0, bytes(gradients_)}});
    dy_.resize(model_.nodes.size());
    for (int i = node_count() - 1; i >= 0; --i) {
      // Weights before inputs, so that the reduction of a bucket starts as early as it can.
      if (batch_ > 0 && learned_.contains(i)) backward_weights(i);
      if (!buckets_.empty() && full_buckets_ < buckets_.size() && buckets_[full_buckets_].last_node == i) bucket_is_full();
      if (batch_ > 0 && wants_input_gradient(i)) backward_input(i);
    }
    if (!plan_.overlap)
      for (std::size_t b = 0; b < buckets_.size(); ++b) reduce(b);
  }

  void backward_weights(int i) {
    std::vector<Operand> operands = {{Role::dy, Access::read, dy_[index(i)]}, {Role::x, Access::read, input_of(i)}};
    append(operands, learned_operands(i, Access::update, gradients_, Role::weight_gradient, Role::bias_gradient));
    add_compute(node(i).name + ".backward_weights",
                {ComputeKind::backward_weights, i, operands, work_of(model_, i, batch_, Pass::backward_weights, plan_.dtype)});
  }

  void backward_input(int i) {
    const int input = node(i).input;
    if (only_looks(node(i).layer)) {
      dy_[index(input)] = dy_[index(i)];
      return;
    }
    const Layer& layer = node(i).layer;
    const bool is_loss = std::holds_alternative<SoftmaxCrossEntropy>(layer);
    std::vector<Operand> operands;
    if (!is_loss) operands.push_back({Role::dy, Access::read, dy_[index(i)]});
    if (is_loss || std::holds_alternative<ReLU>(layer)) operands.push_back({Role::y, Access::read, outputs_[index(i)]});
    if (std::holds_alternative<MaxPool2d>(layer)) operands.push_back({Role::x, Access::read, input_of(i)});
    for (const Operand& operand : learned_operands(i, Access::read, weights_, Role::weight, Role::bias))
      if (operand.role == Role::weight) operands.push_back(operand);
    const Region dx = add_tensor(node(input).name + ".dy", BufferKind::activation_gradient, input_shape(model_, i, batch_));
    operands.push_back({Role::dx, Access::write, dx});
    add_compute(node(i).name + ".backward_input",
                {ComputeKind::backward_input, i, operands, work_of(model_, i, batch_, Pass::backward_input, plan_.dtype)});
    dy_[index(input)] = dx;
  }

  /// Whether anything before this node learns, so that the gradient has to go on.
  [[nodiscard]] bool wants_input_gradient(int i) const {
    for (int before = node(i).input; before >= 0; before = node(before).input)
      if (learned_.contains(before)) return true;
    return false;
  }

  // ---- reduction and update

  void bucket_is_full() {
    if (plan_.overlap) reduce(full_buckets_);
    ++full_buckets_;
  }

  /// All-reduces a bucket once everything computed so far has ended. A world of one has nothing to reduce.
  void reduce(std::size_t b) {
    if (plan_.mesh.axes[index(plan_.batch_axis)].extent == 1) return;
    reductions_[b] = add_op(cat("bucket", b, ".all_reduce"), kCommunicationStream, {last_compute_},
                            Collective{.kind = CollectiveKind::all_reduce,
                                       .algorithm = plan_.all_reduce,
                                       .axis = plan_.batch_axis,
                                       .id = static_cast<int>(b),
                                       .root = 0,
                                       .chunks = plan_.chunks,
                                       .region = {gradients_.buffer, buckets_[b].slice}});
  }

  void update() {
    for (std::size_t b = 0; b < buckets_.size(); ++b) {
      const Slice slice = buckets_[b].slice;
      const double n = static_cast<double>(slice.count);
      const double element = static_cast<double>(size_bytes(plan_.dtype));
      Compute compute{ComputeKind::update,
                      -1,
                      {{Role::weights, Access::update, {weights_.buffer, slice}},
                       {Role::gradients, Access::read, {gradients_.buffer, slice}},
                       {Role::momentum, Access::update, {momentum_.buffer, slice}}},
                      {6 * n, 3 * n * element, 2 * n * element}};  // v = mu v + g + wd w; w -= lr v
      std::vector<int> after;
      // Without overlap nothing else runs while gradients travel: the first update waits for the last reduction.
      if (!reductions_.empty()) after.push_back(plan_.overlap ? reductions_.at(b) : reductions_.rbegin()->second);
      add_op(cat("bucket", b, ".update"), kComputeStream, std::move(after), std::move(compute));
    }
  }

  // ---- building blocks

  int add_buffer(const std::string& name, BufferKind kind, const Shape& shape) {
    program_.buffers.push_back({name, kind, plan_.dtype, shape});
    return static_cast<int>(program_.buffers.size()) - 1;
  }
  Region add_tensor(const std::string& name, BufferKind kind, const Shape& shape) {
    return {add_buffer(name, kind, shape), {0, shape.count()}};
  }
  int add_op(std::string name, int stream, std::vector<int> after, std::variant<Compute, Exchange, Collective> action) {
    program_.ops.push_back({std::move(name), stream, std::move(after), std::move(action)});
    return static_cast<int>(program_.ops.size()) - 1;
  }
  void add_compute(std::string name, Compute compute) {
    last_compute_ = add_op(std::move(name), kComputeStream, {}, std::move(compute));
  }

  /// The learned tensors of a node as parts of a flat buffer.
  [[nodiscard]] std::vector<Operand> learned_operands(int i, Access access, const Region& flat, Role weight, Role bias) const {
    std::vector<Operand> operands;
    for (const Parameter& parameter : parameters_)
      if (parameter.node == i)
        operands.push_back({parameter.name.ends_with(".weight") ? weight : bias,
                            access,
                            {flat.buffer, {parameter.offset, parameter.shape.count()}}});
    return operands;
  }
  static void append(std::vector<Operand>& to, const std::vector<Operand>& from) {
    to.insert(to.end(), from.begin(), from.end());
  }

  static std::size_t index(int i) { return static_cast<std::size_t>(i); }
  [[nodiscard]] int node_count() const { return static_cast<int>(model_.nodes.size()); }
  [[nodiscard]] const Node& node(int i) const { return model_.nodes[index(i)]; }
  [[nodiscard]] Region input_of(int i) const { return node(i).input < 0 ? images_ : outputs_[index(node(i).input)]; }
  [[nodiscard]] double bytes(const Region& region) const { return static_cast<double>(region_bytes(program_, region)); }

  const Model& model_;
  const Plan& plan_;
  bool train_;
  int batch_;
  std::vector<Shape> shapes_;
  std::vector<Parameter> parameters_;
  std::set<int> learned_;  ///< nodes that have parameters
  Program program_;
  Region weights_, gradients_, momentum_, images_;
  std::vector<Region> outputs_;  ///< y of every node
  std::vector<Region> dy_;       ///< gradient of every node's output, once it is known
  std::vector<Bucket> buckets_;
  std::size_t full_buckets_ = 0;
  std::map<std::size_t, int> reductions_;  ///< bucket -> its all-reduce
  int last_compute_ = 0;
};

void check_plan(const Plan& plan) {
  require(!plan.mesh.axes.empty() && plan.mesh.world_size() >= 1, "make_schedule", "the mesh has no ranks");
  for (const Axis& axis : plan.mesh.axes)
    require(axis.extent >= 1, "make_schedule", "axis '", axis.name, "' has extent ", axis.extent);
  require(plan.batch_axis >= 0 && static_cast<std::size_t>(plan.batch_axis) < plan.mesh.axes.size(), "make_schedule",
          "batch axis ", plan.batch_axis, " is not an axis of the mesh");
  require(plan.mesh.axes[static_cast<std::size_t>(plan.batch_axis)].extent == plan.mesh.world_size(), "make_schedule", "plan '",
          plan.name, "' divides nothing but the batch, yet the mesh has other axes");
  require(plan.global_batch >= 1, "make_schedule", "the batch must have at least one image, got ", plan.global_batch);
  require(plan.bucket_bytes >= 1, "make_schedule", "buckets must hold at least one byte, got ", plan.bucket_bytes);
  require(plan.chunks >= 1, "make_schedule", "at least one chunk is needed, got ", plan.chunks);
}

}  // namespace

Schedule make_schedule(const Model& model, const Plan& plan, Mode mode) {
  check(model);
  check_plan(plan);
  (void)collective_algorithm(CollectiveKind::all_reduce, plan.all_reduce);  // a misspelt name is told now
  Schedule schedule;
  schedule.model = model.name;
  schedule.plan = plan.name;
  schedule.mode = mode == Mode::train ? "train" : "evaluate";
  schedule.precision = plan.precision;
  schedule.global_batch = plan.global_batch;
  schedule.batch_axis = plan.batch_axis;
  schedule.mesh = plan.mesh;
  schedule.class_of.resize(static_cast<std::size_t>(plan.mesh.world_size()));
  std::map<std::int64_t, int> class_of_batch;  // ranks with as many images share a program
  for (int r = 0; r < schedule.world_size(); ++r) {
    const std::int64_t batch = schedule.samples(r).count;
    const auto [found, fresh] = class_of_batch.try_emplace(batch, static_cast<int>(schedule.programs.size()));
    if (fresh) schedule.programs.push_back(ProgramBuilder(model, plan, mode, static_cast<int>(batch)).build());
    schedule.class_of[static_cast<std::size_t>(r)] = found->second;
  }
  return schedule;
}

}  // namespace convoy
