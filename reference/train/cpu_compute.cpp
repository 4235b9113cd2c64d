#include "reference/train/cpu_compute.h"

#include <algorithm>
#include <cmath>
#include <array>
#include <utility>

#include "reference/core/error.h"
#include "reference/core/payload.h"
#include "reference/cpu/compress.h"
#include "reference/model/layer_part.h"
#include "reference/train/blocked_compute.h"
#include "reference/train/kernel_table.h"
#include "reference/train/operands.h"
#include "reference/train/pool_spans.h"

namespace convoy {

/// What a rank keeps between ops; on a cache line of its own.
struct alignas(kAlignment_bytes) CpuCompute::RankState {
  std::vector<int> labels;
  Picture picture;  ///< decoded last
  cpu::Loss totals;
  std::vector<float> staged;       ///< images on their way to a device
  AlignedArray<std::byte> masked;  ///< a dy where y is above 0, for layers with a fused ReLU
};

/// One op with elements of type T.
template <class T>
class CpuCompute::Call {
 public:
  Call(CpuCompute& owner, const ComputeCall& call, const KernelTable<T>& kernels)
      : owner_(owner),
        call_(call),
        operands_(call),
        kernels_(kernels),
        state_(owner.ranks_.at(static_cast<std::size_t>(call.rank))),
        step_(owner.settings_.first_step + call.iteration) {}

  void run() {
    switch (call_.compute.kind) {
      case ComputeKind::load: return load();
      case ComputeKind::zero: return zero();
      case ComputeKind::update: return update();
      case ComputeKind::copy: return copy();
      case ComputeKind::sum: return sum();
      case ComputeKind::convert: return convert();
      case ComputeKind::join: return;
      case ComputeKind::norms: return norms();
      case ComputeKind::compress: return compress();
      case ComputeKind::decompress: return decompress();
      case ComputeKind::weigh: return weigh();
      case ComputeKind::bias: return kernels_.add_bias(part_of_bias(), view(Role::y));
      case ComputeKind::statistics: return kernels_.batch_norm2d_statistics(view(Role::x), doubles(Role::sums));
      default: break;
    }
    std::visit([&](const auto& l) { dispatch(l); }, node().layer);
  }

 private:
  template <class L>
  void dispatch(const L& layer) {
    constexpr bool learns = std::is_same_v<L, Conv2d> || std::is_same_v<L, Linear> || std::is_same_v<L, BatchNorm2d>;
    switch (call_.compute.kind) {
      case ComputeKind::forward: return forward(layer);
      case ComputeKind::backward_input: return backward_input(layer);
      case ComputeKind::backward_weights:
        if constexpr (learns) return backward_weights(layer);
        break;
      case ComputeKind::gradient_statistics:
        if constexpr (std::is_same_v<L, BatchNorm2d>) return gradient_statistics(layer);
        break;
      default: break;
    }
    require(false, "CpuCompute", "op '", call_.op.name, "': ", kind_name(layer), " has no ", to_string(call_.compute.kind));
  }

  // ---- layers

  void forward(const Conv2d& l) {
    kernels_.conv2d_forward(view(Role::x), view(Role::weight), optional_view(Role::bias), view(Role::y),
                            window(l, Role::x, Role::y));
    relu_in_place(l.relu);
    if (find(Role::sums) != nullptr) kernels_.batch_norm2d_statistics(view(Role::y), doubles(Role::sums));
  }
  void backward_input(const Conv2d& l) {
    kernels_.conv2d_backward_input(masked_dy(l.relu), view(Role::weight), view(Role::dx), window(l, Role::dx, Role::dy));
  }
  void backward_weights(const Conv2d& l) {
    kernels_.conv2d_backward_weights(masked_dy(l.relu), view(Role::x), view(Role::weight_gradient),
                                     optional_view(Role::bias_gradient), window(l, Role::x, Role::dy));
  }
  void forward(const Linear& l) {
    kernels_.linear_forward(view(Role::x), view(Role::weight), optional_view(Role::bias), view(Role::y));
    relu_in_place(l.relu);
  }
  void backward_input(const Linear& l) { kernels_.linear_backward_input(masked_dy(l.relu), view(Role::weight), view(Role::dx)); }
  void backward_weights(const Linear& l) {
    kernels_.linear_backward_weights(masked_dy(l.relu), view(Role::x), view(Role::weight_gradient),
                                     optional_view(Role::bias_gradient));
  }
  void forward(const MaxPool2d& l) { kernels_.max_pool2d_forward(view(Role::x), view(Role::y), window(l, Role::x, Role::y)); }
  void backward_input(const MaxPool2d& l) {
    kernels_.max_pool2d_backward_input(view(Role::dy), view(Role::x), view(Role::dx), window(l, Role::x, Role::dy));
  }
  template <class Pool>
  void average(const Pool& l) {
    const PoolSpans& spans = pool_spans(l, whole_input(), need(Role::x).box, need(Role::y).box);
    kernels_.avg_pool2d_forward(view(Role::x), view(Role::y), spans.rows, spans.columns);
  }
  template <class Pool>
  void average_backward(const Pool& l) {
    const PoolSpans& spans = pool_spans(l, whole_input(), need(Role::dx).box, need(Role::dy).box);
    kernels_.avg_pool2d_backward_input(view(Role::dy), view(Role::dx), spans.rows, spans.columns);
  }
  void forward(const AvgPool2d& l) { average(l); }
  void backward_input(const AvgPool2d& l) { average_backward(l); }
  void forward(const AdaptiveAvgPool2d& l) { average(l); }
  void backward_input(const AdaptiveAvgPool2d& l) { average_backward(l); }
  void forward(const GlobalAvgPool2d&) { kernels_.global_avg_pool2d_forward(view(Role::x), view(Role::y), image_pixels()); }
  void backward_input(const GlobalAvgPool2d&) {
    kernels_.global_avg_pool2d_backward_input(view(Role::dy), view(Role::dx), image_pixels());
  }
  void forward(const ReLU&) { kernels_.relu_forward(view(Role::x), view(Role::y)); }
  void backward_input(const ReLU&) { kernels_.relu_backward_input(view(Role::dy), view(Role::y), view(Role::dx)); }
  void forward(const Activation& l) { kernels_.activation_forward(view(Role::x), view(Role::y), l.function); }
  void backward_input(const Activation& l) {
    const Role source = differentiates_output(l.function) ? Role::y : Role::x;
    kernels_.activation_backward_input(view(Role::dy), view(source), view(Role::dx), l.function);
  }
  void forward(const Scale&) { kernels_.scale_forward(view(Role::x), view_of(operands_.second(Role::x)), view(Role::y)); }
  void backward_input(const Scale&) {  // of both inputs
    kernels_.scale_forward(view(Role::dy), view_of(operands_.second(Role::x)), view(Role::dx));
    kernels_.scale_backward_factor(view(Role::dy), view(Role::x), view_of(operands_.second(Role::dx)));
  }
  void forward(const ChannelSelect& l) { kernels_.channel_select_forward(view(Role::x), view(Role::y), l); }
  void backward_input(const ChannelSelect& l) { kernels_.channel_select_backward_input(view(Role::dy), view(Role::dx), l); }
  void forward(const LocalResponseNorm& l) {
    kernels_.local_response_norm_forward(view(Role::x), view(Role::y), l, lead(Role::x, Role::y));
  }
  void backward_input(const LocalResponseNorm& l) {
    kernels_.local_response_norm_backward_input(view(Role::dy), view(Role::x), view(Role::dx), l, lead(Role::x, Role::dy));
  }
  void forward(const Add& l) {
    add_all(Role::x, Role::y);
    relu_in_place(l.relu);
  }
  void backward_input(const Add& l) {
    if (!l.relu) nothing_to_do();
    kernels_.relu_backward_input(view(Role::dy), view(Role::y), view(Role::dx));
  }
  void forward(const Concat&) { copy(); }
  void backward_input(const Concat&) { nothing_to_do(); }
  void forward(const Flatten&) { nothing_to_do(); }
  void backward_input(const Flatten&) { nothing_to_do(); }
  void nothing_to_do() {
    require(false, "CpuCompute", kind_name(node().layer), " computes nothing here, but op '", call_.op.name, "' runs it");
  }

  void forward(const BatchNorm2d& l) {
    if (find(Role::sums) == nullptr) {
      kernels_.batch_norm2d_forward_evaluate(view(Role::x), view(Role::weight), view(Role::bias), view(Role::running_mean),
                                             view(Role::running_var), l.epsilon, view(Role::y));
    } else {
      kernels_.batch_norm2d_forward(view(Role::x), view(Role::weight), view(Role::bias), doubles(Role::sums), l.epsilon,
                                    view(Role::y));
      if (find(Role::running_mean) != nullptr)  // not when a stage is recomputed
        kernels_.batch_norm2d_update_running(doubles(Role::sums), l.momentum, view(Role::running_mean), view(Role::running_var));
    }
    if (l.adds) kernels_.sum(std::array<View<const T>, 2>{view(Role::y), view_of(operands_.second(Role::x))}, view(Role::y));
    relu_in_place(l.relu);
  }
  void gradient_statistics(const BatchNorm2d& l) {
    View<const T> dy = view(Role::dy);
    if (find(Role::dx) != nullptr) {  // the gradient of what was added
      kernels_.relu_backward_input(dy, view(Role::y), view(Role::dx));
      dy = view(Role::dx);
    } else {
      dy = masked_dy(l.relu);
    }
    kernels_.batch_norm2d_backward_statistics(dy, view(Role::x), doubles(Role::sums), l.epsilon, doubles(Role::gradient_sums));
  }
  void backward_weights(const BatchNorm2d&) {
    kernels_.batch_norm2d_backward_weights(doubles(Role::gradient_sums), view(Role::weight_gradient), view(Role::bias_gradient));
  }
  void backward_input(const BatchNorm2d& l) {
    kernels_.batch_norm2d_backward_input(masked_dy(find(Role::y) != nullptr), view(Role::x), view(Role::weight),
                                         doubles(Role::sums), doubles(Role::gradient_sums), l.epsilon, view(Role::dx));
  }

  // ---- fused ReLU

  void relu_in_place(bool relu) {
    if (relu) kernels_.relu_forward(view(Role::y), view(Role::y));
  }
  /// dy, or where a ReLU is fused dy where y is above 0. Others may read dy too, so that is another tensor.
  View<const T> masked_dy(bool relu) {
    const View<T> dy = view(Role::dy);
    if (!relu) return dy;
    require(device() == nullptr, "CpuCompute", "op '", call_.op.name, "' has a fused ReLU, which no kernel of a device computes");
    const std::int64_t bytes = dy.shape.count() * static_cast<std::int64_t>(sizeof(T));
    if (state_.masked.count() < bytes) state_.masked = AlignedArray<std::byte>(bytes);
    const View<T> masked{reinterpret_cast<T*>(state_.masked.data()), dy.shape};
    kernels_.relu_backward_input(dy, view(Role::y), masked);
    return masked;
  }

  void forward(const Dropout& l) { kernels_.dropout_forward(view(Role::x), view(Role::y), probability(l), dropout_key(Role::y)); }
  void backward_input(const Dropout& l) {
    kernels_.dropout_backward_input(view(Role::dy), view(Role::dx), probability(l), dropout_key(Role::dy));
  }

  void forward(const SoftmaxCrossEntropy& l) {
    read_labels(Role::x);
    const cpu::Loss loss = kernels_.softmax_cross_entropy_forward(view(Role::x), state_.labels, view(Role::y), l);
    if (counted_samples(call_.schedule, call_.rank, call_.compute.node).count == 0) return;  // another rank computes the same
    state_.totals.loss_sum += loss.loss_sum;
    if (is_last_node()) state_.totals.correct += loss.correct;  // answers are those of the last loss
  }
  void backward_input(const SoftmaxCrossEntropy& l) {
    read_labels(Role::y);
    const std::int64_t images = images_of_mean(call_.schedule, call_.rank, need(Role::y).box.n);
    kernels_.softmax_cross_entropy_backward_input(view(Role::y), state_.labels, view(Role::dx), l, 1.0 / static_cast<double>(images));
  }

  // ---- what is no layer

  /// This rank's images of the batch.
  void load() {
    const std::int64_t size = owner_.data_.image.sample_count();
    std::span<T> out = flat(Role::y);
    const Slice mine = global_samples(Role::y);
    if constexpr (std::is_same_v<T, float>) {
      if (device() != nullptr) {
        state_.staged.resize(out.size());
        load(mine, size, state_.staged);
        return device()->upload(out.data(), state_.staged.data(), static_cast<std::int64_t>(out.size_bytes()));
      }
    }
    load(mine, size, out);
  }

  /// The same into memory of the host. `size`: elements of an image.
  void load(const Slice& mine, std::int64_t size, std::span<T> out) {
    require(std::ssize(out) == mine.count * size, "CpuCompute", "op '", call_.op.name, "': ", out.size(), " elements for ",
            mine.count, " images of ", size);
    if (owner_.settings_.loader != nullptr) return take_prepared(mine, out);
    const auto& augmentation = owner_.settings_.augmentation;
    for (std::int64_t i = 0; i < mine.count; ++i)
      write_sample(owner_.data_, sample_at(mine.offset + i), augmentation ? &*augmentation : nullptr, owner_.settings_.variation,
                   state_.picture, out.data() + i * size);
  }

  void take_prepared(const Slice& mine, std::span<T> out) {
    if constexpr (std::is_same_v<T, float>) {
      owner_.settings_.loader->take(step_, mine, out.data());
    } else {
      require(false, "CpuCompute", "images are prepared in float, and op '", call_.op.name, "' wants other elements");
    }
  }

  /// The answers for the samples of an operand: every rank can look up all of them.
  void read_labels(Role role) {
    const Slice samples = global_samples(role);
    state_.labels.resize(static_cast<std::size_t>(samples.count));
    for (std::int64_t i = 0; i < samples.count; ++i)
      state_.labels[static_cast<std::size_t>(i)] =
          owner_.data_.labels.at(static_cast<std::size_t>(sample_at(samples.offset + i)));
  }

  void zero() { clear(flat(Role::gradients)); }
  void clear(std::span<T> values) {
    if (device() != nullptr) return device()->fill(values.data(), 0, static_cast<std::int64_t>(values.size_bytes()));
    std::ranges::fill(values, T{});
  }

  void update() {
    const std::span<T> momentum = find(Role::momentum) != nullptr ? flat(Role::momentum) : std::span<T>{};
    cpu::SgdSettings sgd = owner_.settings_.sgd(step_);
    if (call_.share != 1) sgd.weight_decay *= call_.share;
    if (owner_.settings_.lars) {
      sgd.scale = std::exchange(sgd.learning_rate, 1.0);
      if (find(Role::norms) != nullptr) {
        const std::span<const double> sums = doubles(Role::norms);
        sgd.scale *= lars_rate(owner_.settings_.lars_trust, sums[0], sums[1], sgd.weight_decay);
      }
    }
    kernels_.sgd_update(flat(Role::weights), flat(Role::gradients), momentum, sgd);
  }

  [[nodiscard]] std::span<std::uint32_t> words(Role role) const { return operands_.template flat<std::uint32_t>(role); }

  void compress() {
    if (find(Role::error) != nullptr)
      cpu::compress_top_k<T>(flat(Role::gradients), flat(Role::error), words(Role::payload));
    else
      cpu::compress_int8<T>(flat(Role::gradients), words(Role::payload));
  }

  void decompress() {
    const std::span<const std::uint32_t> payloads = words(Role::payload);
    const auto each = static_cast<std::size_t>(words_of_payload(payloads));
    cpu::add_payloads<T>(payloads, static_cast<int>(payloads.size() / each), flat(Role::gradients));
  }

  void weigh() {
    if (device() != nullptr) device()->synchronise();  // the host multiplies
    const double share = static_cast<double>(call_.schedule.samples(call_.rank).count) / call_.schedule.global_batch;
    for (const Operand& operand : call_.compute.operands) {
      T* values = call_.memory.at<T>(operand.region);
      for (std::int64_t i = 0; i < operand.region.slice.count; ++i) values[i] = static_cast<T>(values[i] * static_cast<T>(share));
    }
  }

  void norms() {
    if (device() != nullptr) device()->synchronise();  // the host adds up
    const std::span<double> sums = doubles(Role::norms);
    sums[0] = cpu::naive::sum_of_squares<T>(flat(Role::weight));
    sums[1] = cpu::naive::sum_of_squares<T>(flat(Role::weight_gradient));
  }

  /// Where the boxes of two operands meet.
  static cpu::Part meeting(const Box& from, const Box& to) {
    const Box both = intersection(from, to);
    const auto at = [](const Slice& part, const Slice& whole) { return static_cast<int>(part.offset - whole.offset); };
    if (both.empty()) return {};
    return {.from_n = at(both.n, from.n),
            .from_c = at(both.c, from.c),
            .from_h = at(both.h, from.h),
            .to_n = at(both.n, to.n),
            .to_c = at(both.c, to.c),
            .to_h = at(both.h, to.h),
            .n = static_cast<int>(both.n.count),
            .c = static_cast<int>(both.c.count),
            .h = static_cast<int>(both.h.count)};
  }

  template <class Visit>
  void for_each(Role role, const Visit& visit) const {
    operands_.for_each(role, visit);
  }

  void copy() {
    for_each(Role::y, [&](const Operand& y) {
      for_each(Role::x, [&](const Operand& x) {
        if (const cpu::Part part = meeting(x.box, y.box); part.n > 0) kernels_.copy_part(view_of(x), view_of(y), part);
      });
    });
  }

  void sum() {
    const Operand* y = find(Role::y);
    bool same = true;
    for_each(Role::x, [&](const Operand& x) { same = same && x.box == y->box; });
    if (same) return add_all(Role::x, Role::y);
    clear(flat(Role::y));
    for_each(Role::x, [&](const Operand& x) {
      if (const cpu::Part part = meeting(x.box, y->box); part.n > 0) kernels_.add_part(view_of(x), view_of(*y), part);
    });
  }

  void add_all(Role from, Role to) {
    std::array<View<const T>, kMostTerms> terms;
    std::size_t count = 0;
    const View<T> sum = view(to);
    for_each(from, [&](const Operand& x) {
      if (count == kMostTerms) {  // more go in several steps
        kernels_.sum(terms, sum);
        terms[0] = sum;
        count = 1;
      }
      terms[count++] = view_of(x);
    });
    kernels_.sum(std::span(terms).first(count), sum);
  }

  void convert() {
    const Operand& x = *find(Role::x);
    const Operand& y = *find(Role::y);
    require(x.region.slice.count == y.region.slice.count, "CpuCompute", "op '", call_.op.name, "' converts ",
            x.region.slice.count, " into ", y.region.slice.count, " elements");
    with_type(operands_.type_of(x), [&](auto from_zero) {
      with_type(operands_.type_of(y), [&](auto to_zero) {
        using To = decltype(to_zero);
        const auto* from = call_.memory.at<decltype(from_zero)>(x.region);
        To* to = call_.memory.at<To>(y.region);
        for (std::int64_t i = 0; i < x.region.slice.count; ++i) to[i] = static_cast<To>(static_cast<float>(from[i]));
      });
    });
  }

  // ---- operands

  [[nodiscard]] const DeviceBackend* device() const { return owner_.settings_.device; }
  [[nodiscard]] const Node& node() const { return owner_.model_.nodes.at(static_cast<std::size_t>(call_.compute.node)); }
  [[nodiscard]] const Operand* find(Role role) const { return operands_.find(role); }
  [[nodiscard]] const Operand& need(Role role) const { return operands_.need(role); }
  [[nodiscard]] std::span<T> flat(Role role) const { return operands_.template flat<T>(role); }
  [[nodiscard]] std::span<double> doubles(Role role) const { return operands_.template flat<double>(role); }
  [[nodiscard]] View<T> view_of(const Operand& operand) const { return operands_.template view_of<T>(operand); }
  [[nodiscard]] View<T> view(Role role) const { return operands_.template view<T>(role); }
  [[nodiscard]] View<T> optional_view(Role role) const { return operands_.template optional_view<T>(role); }
  /// The biases of the channels that y has here.
  [[nodiscard]] View<T> part_of_bias() const {
    const Operand& bias = need(Role::bias);
    const Slice channels = need(Role::y).box.c;
    View<T> all = view_of(bias);
    return {all.data + (channels.offset - bias.box.c.offset), {1, static_cast<int>(channels.count), 1, 1}};
  }

  /// The window with the padding that is left where this part of the image lies.
  template <class L>
  [[nodiscard]] Window window(const L& layer, Role x, Role y) const {
    return std::get<L>(layer_on_part(layer, need(x).box, need(y).box)).window;
  }
  [[nodiscard]] int lead(Role x, Role y) const { return static_cast<int>(need(y).box.c.offset - need(x).box.c.offset); }
  /// The whole input of the node, of which this rank may have a part.
  [[nodiscard]] const Shape& whole_input() const { return owner_.inputs_.at(static_cast<std::size_t>(call_.compute.node)); }
  [[nodiscard]] double image_pixels() const { return static_cast<double>(whole_input().h) * whole_input().w; }
  [[nodiscard]] bool is_last_node() const { return call_.compute.node + 1 == static_cast<int>(owner_.model_.nodes.size()); }

  [[nodiscard]] Slice global_samples(Role role) const {
    const Slice mine = need(role).box.n;
    return {call_.schedule.samples(call_.rank).offset + mine.offset, mine.count};
  }
  [[nodiscard]] std::int64_t sample_at(std::int64_t position) const {
    if (owner_.settings_.sample_at) return owner_.settings_.sample_at(step_, position);
    return (step_ * call_.schedule.global_batch + position) % owner_.data_.count();
  }
  [[nodiscard]] double probability(const Dropout& l) const { return owner_.settings_.mode == Mode::train ? l.probability : 0.0; }
  [[nodiscard]] cpu::DropoutKey dropout_key(Role role) const {
    const Box& box = need(role).box;
    return {.seed = owner_.settings_.seed,
            .step = step_,
            .node = origin_of(owner_.model_, call_.compute.node),
            .first_sample = global_samples(role).offset,
            .first_channel = static_cast<int>(box.c.offset),
            .first_row = static_cast<int>(box.h.offset)};
  }

  CpuCompute& owner_;
  const ComputeCall& call_;
  Operands operands_;
  const KernelTable<T>& kernels_;
  RankState& state_;
  std::int64_t step_;
};

double lars_rate(double trust, double weight_squares, double gradient_squares, double weight_decay) {
  const double weights = std::sqrt(weight_squares), gradients = std::sqrt(gradient_squares);
  if (!(weights > 0) || !(gradients > 0)) return 1;
  return trust * weights / (gradients + weight_decay * weights);
}

DType dtype_of(Kernels kernels) { return kernels == Kernels::naive_f64 ? DType::f64 : DType::f32; }

CpuCompute::CpuCompute(const Model& model, const Dataset& data, int ranks, ComputeSettings settings)
    : model_(model), data_(data), settings_(std::move(settings)), ranks_(static_cast<std::size_t>(ranks)) {
  require(data.image == model.image.with_batch(1), "CpuCompute", "images are ", to_string(data.image), ", the model takes ",
          to_string(model.image));
  for (int i = 0; i < static_cast<int>(model.nodes.size()); ++i) inputs_.push_back(input_shape(model, i, 1));
}

CpuCompute::~CpuCompute() = default;

void CpuCompute::run(const ComputeCall& call) {
  static constexpr KernelTable<double> kNaive64 = naive_kernels<double>();
  static constexpr KernelTable<float> kNaive32 = naive_kernels<float>();
  static constexpr KernelTable<float> kFast = fast_kernels();
  if (settings_.device != nullptr) return Call<float>(*this, call, settings_.device->kernels).run();
  switch (settings_.kernels) {
    case Kernels::naive_f64: return Call<double>(*this, call, kNaive64).run();
    case Kernels::naive_f32: return Call<float>(*this, call, kNaive32).run();
    case Kernels::fast: break;
  }
  if (!touches_blocked(call)) return Call<float>(*this, call, kFast).run();
  static const Layer none = Flatten{};
  if (call.compute.node < 0) return run_blocked(call, none, {});
  const auto node = static_cast<std::size_t>(call.compute.node);
  run_blocked(call, model_.nodes.at(node).layer, inputs_.at(node));
}

ComputeFn CpuCompute::function() {
  return [this](const ComputeCall& call) { run(call); };
}

cpu::Loss CpuCompute::totals(int rank) const { return ranks_.at(static_cast<std::size_t>(rank)).totals; }

cpu::Loss CpuCompute::totals() const {
  cpu::Loss sum;
  for (const RankState& state : ranks_) sum += state.totals;
  return sum;
}

void CpuCompute::set_totals(int rank, const cpu::Loss& totals) { ranks_.at(static_cast<std::size_t>(rank)).totals = totals; }

void CpuCompute::reset_totals() {
  for (RankState& state : ranks_) state.totals = {};
}

}  // namespace convoy
