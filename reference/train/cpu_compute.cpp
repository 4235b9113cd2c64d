#include "reference/train/cpu_compute.h"

#include <algorithm>
#include <utility>

#include "reference/core/error.h"
#include "reference/train/kernel_table.h"

namespace convoy {

/// Shapes of a node for one image, and of its learned tensors.
struct CpuCompute::NodeShapes {
  Shape x, y;
  Shape weight{0, 0, 0, 0}, bias{0, 0, 0, 0};
};

/// What a rank keeps between ops; on a cache line of its own.
struct alignas(kAlignment_bytes) CpuCompute::RankState {
  std::vector<int> labels;
  cpu::Loss totals;
};

/// One op with elements of type T.
template <class T>
class CpuCompute::Call {
 public:
  Call(CpuCompute& owner, const ComputeCall& call, const KernelTable<T>& kernels)
      : owner_(owner),
        call_(call),
        kernels_(kernels),
        state_(owner.ranks_.at(static_cast<std::size_t>(call.rank))),
        batch_(call.schedule.program(call.rank).batch),
        step_(owner.settings_.first_step + call.iteration) {}

  void run() {
    switch (call_.compute.kind) {
      case ComputeKind::load: return load();
      case ComputeKind::zero: return zero();
      case ComputeKind::update: return update();
      default: break;
    }
    const Layer& layer = owner_.model_.nodes.at(static_cast<std::size_t>(call_.compute.node)).layer;
    std::visit([&](const auto& l) { dispatch(l); }, layer);
  }

 private:
  template <class L>
  void dispatch(const L& layer) {
    switch (call_.compute.kind) {
      case ComputeKind::forward: return forward(layer);
      case ComputeKind::backward_input: return backward_input(layer);
      case ComputeKind::backward_weights:
        if constexpr (std::is_same_v<L, Conv2d> || std::is_same_v<L, Linear>) return backward_weights(layer);
        break;
      default: break;
    }
    require(false, "CpuCompute", "op '", call_.op.name, "': ", kind_name(layer), " has no ", to_string(call_.compute.kind));
  }

  void forward(const Conv2d& l) { kernels_.conv2d_forward(x(), weight(), bias(), y(), l.window); }
  void backward_input(const Conv2d& l) { kernels_.conv2d_backward_input(dy(), weight(), dx(), l.window); }
  void backward_weights(const Conv2d& l) {
    kernels_.conv2d_backward_weights(dy(), x(), weight_gradient(), bias_gradient(), l.window);
  }
  void forward(const Linear&) { kernels_.linear_forward(x(), weight(), bias(), y()); }
  void backward_input(const Linear&) { kernels_.linear_backward_input(dy(), weight(), dx()); }
  void backward_weights(const Linear&) { kernels_.linear_backward_weights(dy(), x(), weight_gradient(), bias_gradient()); }
  void forward(const MaxPool2d& l) { kernels_.max_pool2d_forward(x(), y(), l.window); }
  void backward_input(const MaxPool2d& l) { kernels_.max_pool2d_backward_input(dy(), x(), dx(), l.window); }
  void forward(const ReLU&) { kernels_.relu_forward(x(), y()); }
  void backward_input(const ReLU&) { kernels_.relu_backward_input(dy(), y(), dx()); }
  void forward(const Dropout& l) { kernels_.dropout_forward(x(), y(), probability(l), dropout_key()); }
  void backward_input(const Dropout& l) { kernels_.dropout_backward_input(dy(), dx(), probability(l), dropout_key()); }
  void forward(const Flatten&) { require(false, "CpuCompute", "Flatten moves nothing, but op '", call_.op.name, "' runs it"); }
  void backward_input(const Flatten& l) { forward(l); }
  void forward(const SoftmaxCrossEntropy&) {
    const cpu::Loss loss = kernels_.softmax_cross_entropy_forward(x(), state_.labels, y());
    state_.totals.loss_sum += loss.loss_sum;
    state_.totals.correct += loss.correct;
  }
  void backward_input(const SoftmaxCrossEntropy&) {
    kernels_.softmax_cross_entropy_backward_input(y(), state_.labels, dx(), 1.0 / call_.schedule.global_batch);
  }

  /// This rank's images of the batch, and their labels.
  void load() {
    const Slice mine = call_.schedule.samples(call_.rank);
    const std::int64_t size = owner_.data_.image.sample_count();
    const std::span<T> out = flat(Role::y);
    require(std::ssize(out) == mine.count * size, "CpuCompute", "op '", call_.op.name, "': ", out.size(), " elements for ",
            mine.count, " images of ", size);
    state_.labels.resize(static_cast<std::size_t>(mine.count));
    for (std::int64_t i = 0; i < mine.count; ++i) {
      const std::int64_t index = sample_at(mine.offset + i);
      owner_.data_.copy_sample(index, out.data() + i * size);
      state_.labels[static_cast<std::size_t>(i)] = owner_.data_.labels.at(static_cast<std::size_t>(index));
    }
  }

  void zero() { std::ranges::fill(flat(Role::gradients), T{}); }

  void update() {
    const std::span<T> momentum = find(Role::momentum) != nullptr ? flat(Role::momentum) : std::span<T>{};
    kernels_.sgd_update(flat(Role::weights), flat(Role::gradients), momentum, owner_.settings_.sgd(step_));
  }

  [[nodiscard]] std::int64_t sample_at(std::int64_t position) const {
    if (owner_.settings_.sample_at) return owner_.settings_.sample_at(step_, position);
    return (step_ * call_.schedule.global_batch + position) % owner_.data_.count();
  }
  [[nodiscard]] double probability(const Dropout& l) const { return owner_.settings_.mode == Mode::train ? l.probability : 0.0; }
  [[nodiscard]] cpu::DropoutKey dropout_key() const {
    return {.seed = owner_.settings_.seed,
            .step = step_,
            .node = call_.compute.node,
            .first_sample = call_.schedule.samples(call_.rank).offset};
  }

  [[nodiscard]] const Operand* find(Role role) const {
    for (const Operand& operand : call_.compute.operands)
      if (operand.role == role) return &operand;
    return nullptr;
  }
  /// The elements of the operand with this role.
  [[nodiscard]] std::span<T> flat(Role role) const {
    const Operand* operand = find(role);
    require(operand != nullptr, "CpuCompute", "op '", call_.op.name, "' has no ", to_string(role));
    return {call_.memory.at<T>(operand->region), static_cast<std::size_t>(operand->region.slice.count)};
  }
  [[nodiscard]] View<T> view(Role role, const Shape& shape) const {
    const std::span<T> elements = flat(role);
    require(std::ssize(elements) == shape.count(), "CpuCompute", "op '", call_.op.name, "': ", to_string(role), " has ",
            elements.size(), " elements, expected ", to_string(shape));
    return {elements.data(), shape};
  }
  /// A learned tensor that a layer may do without.
  [[nodiscard]] View<T> optional_view(Role role, const Shape& shape) const {
    return shape.count() > 0 ? view(role, shape) : View<T>{nullptr, shape};
  }

  [[nodiscard]] const NodeShapes& shapes() const { return owner_.shapes_.at(static_cast<std::size_t>(call_.compute.node)); }
  [[nodiscard]] View<T> x() const { return view(Role::x, shapes().x.with_batch(batch_)); }
  [[nodiscard]] View<T> dx() const { return view(Role::dx, shapes().x.with_batch(batch_)); }
  [[nodiscard]] View<T> y() const { return view(Role::y, shapes().y.with_batch(batch_)); }
  [[nodiscard]] View<T> dy() const { return view(Role::dy, shapes().y.with_batch(batch_)); }
  [[nodiscard]] View<T> weight() const { return view(Role::weight, shapes().weight); }
  [[nodiscard]] View<T> bias() const { return optional_view(Role::bias, shapes().bias); }
  [[nodiscard]] View<T> weight_gradient() const { return view(Role::weight_gradient, shapes().weight); }
  [[nodiscard]] View<T> bias_gradient() const { return optional_view(Role::bias_gradient, shapes().bias); }

  CpuCompute& owner_;
  const ComputeCall& call_;
  const KernelTable<T>& kernels_;
  RankState& state_;
  int batch_;
  std::int64_t step_;
};

DType dtype_of(Kernels kernels) { return kernels == Kernels::naive_f64 ? DType::f64 : DType::f32; }

CpuCompute::CpuCompute(const Model& model, const Dataset& data, int ranks, ComputeSettings settings)
    : model_(model),
      data_(data),
      settings_(std::move(settings)),
      shapes_(model.nodes.size()),
      ranks_(static_cast<std::size_t>(ranks)) {
  require(data.image == model.image.with_batch(1), "CpuCompute", "images are ", to_string(data.image), ", the model takes ",
          to_string(model.image));
  const std::vector<Shape> outputs = output_shapes(model, 1);
  for (std::size_t i = 0; i < shapes_.size(); ++i) {
    shapes_[i].x = input_shape(model, static_cast<int>(i), 1);
    shapes_[i].y = outputs[i];
  }
  for (const Parameter& parameter : parameters(model)) {
    NodeShapes& shapes = shapes_[static_cast<std::size_t>(parameter.node)];
    (parameter.name.ends_with(".bias") ? shapes.bias : shapes.weight) = parameter.shape;
  }
}

CpuCompute::~CpuCompute() = default;

void CpuCompute::run(const ComputeCall& call) {
  static constexpr KernelTable<double> kNaive64 = naive_kernels<double>();
  static constexpr KernelTable<float> kNaive32 = naive_kernels<float>();
  static constexpr KernelTable<float> kFast = fast_kernels();
  switch (settings_.kernels) {
    case Kernels::naive_f64: return Call<double>(*this, call, kNaive64).run();
    case Kernels::naive_f32: return Call<float>(*this, call, kNaive32).run();
    case Kernels::fast: return Call<float>(*this, call, kFast).run();
  }
}

ComputeFn CpuCompute::function() {
  return [this](const ComputeCall& call) { run(call); };
}

cpu::Loss CpuCompute::totals(int rank) const { return ranks_.at(static_cast<std::size_t>(rank)).totals; }

cpu::Loss CpuCompute::totals() const {
  cpu::Loss sum;
  for (const RankState& state : ranks_) {
    sum.loss_sum += state.totals.loss_sum;
    sum.correct += state.totals.correct;
  }
  return sum;
}

void CpuCompute::reset_totals() {
  for (RankState& state : ranks_) state.totals = {};
}

}  // namespace convoy
