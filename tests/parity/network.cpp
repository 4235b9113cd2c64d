#include <fstream>
#include <iterator>

#include "reference/core/error.h"
#include "reference/exec/exec.h"
#include "reference/io/model_file.h"
#include "reference/io/weights_file.h"
#include "reference/model/fuse.h"
#include "reference/train/cpu_compute.h"
#include "reference/train/weights.h"
#include "tests/parity/parity.h"
#include "tests/parity/tensor_file.h"

namespace convoy::parity {
namespace {

std::vector<std::uint8_t> bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

Dataset read_data(const NetworkRun& run, const Model& model) {
  Dataset data{.name = "parity", .image = model.image, .classes = model.classes};
  data.pixels = bytes_of(run.folder + "/images");
  for (const std::uint8_t label : bytes_of(run.folder + "/labels")) data.labels.push_back(label);
  data.mean = {0.45};
  data.deviation = {0.225};
  require(std::ssize(data.pixels) == data.count() * model.image.sample_count(), "parity", data.pixels.size(), " bytes of images");
  return data;
}

/// The network behind a layer that changes nothing and learns: its dy is the gradient of the images, which nobody wants
/// otherwise.
Model behind_identity(const Model& model) {
  Model behind = model;
  const int channels = model.image.c;
  for (Node& node : behind.nodes)
    for (int& input : node.inputs) ++input;
  behind.nodes.insert(behind.nodes.begin(), {"identity", Conv2d{channels, square_window(1), false, channels}, {kImages}});
  return behind;
}

/// See kNarrow.
void narrow(Model& model) {
  for (Node& node : model.nodes)
    if (auto* linear = std::get_if<Linear>(&node.layer); linear != nullptr && linear->out_features == kWide)
      linear->out_features = kNarrow;
}

LoadedModel load(const NetworkRun& run) {
  LoadedModel loaded = load_model(run.model);
  narrow(loaded.model);
  if (!loaded.values) loaded.values = read_weights_file(run.folder + "/weights.safetensors", loaded.model);
  for (Node& node : loaded.model.nodes)
    if (auto* dropout = std::get_if<Dropout>(&node.layer)) dropout->probability = 0;
  return loaded;
}

/// `real`: with blocked and fused layers, as training runs.
struct Way {
  Kernels kernels = Kernels::naive_f64;
  bool real = false;
};
constexpr Way kDouble{Kernels::naive_f64, false}, kFast{Kernels::fast, false}, kReal{Kernels::fast, true};

Plan plan_of(const NetworkRun& run, const Way& way) {
  Plan plan = make_plan("data", {.ranks = 1, .global_batch = run.batch});
  plan.dtype = dtype_of(way.kernels);
  if (way.real) {
    plan.fusion = Fusion::on;
    plan.layout = ActivationLayout::blocked;
  }
  return plan;
}

/// A network, its schedule and its memory, on one rank.
class Runner {
 public:
  Runner(const NetworkRun& run, const Model& model, ModelValues values, const Way& way)
      : run_(run), plan_(plan_of(run, way)), model_(model_for(model, plan_)), kernels_(way.kernels), values_(std::move(values)) {
    data_ = read_data(run, model_);
  }

  /// Runs `steps` steps and calls visit(call) after every op.
  template <class Visit>
  void run(Mode mode, int steps, const cpu::SgdSettings& sgd, const Visit& visit) {
    const Schedule schedule = make_schedule(model_, plan_, mode);
    memories_.resize(1);
    memories_.front().bind(schedule.program(0));
    write_values(memories_.front(), "weights", local_weights(model_, schedule, 0, values_.weights));
    if (state_count(model_) > 0)
      write_values(memories_.front(), "running_statistics", local_states(model_, schedule, 0, values_.states));
    ComputeSettings settings{.kernels = kernels_, .mode = mode};
    settings.sgd = [&](std::int64_t) { return sgd; };
    CpuCompute compute(model_, data_, 1, settings);
    const auto function = [&](const ComputeCall& call) {
      compute.run(call);
      visit(call);
    };
    for (int step = 0; step < steps; ++step) {
      compute.reset_totals();
      compute.settings().first_step = step;
      (void)run_on_threads(schedule, 1, memories_, function, {.time_out_s = 600});
      losses.push_back(static_cast<float>(compute.totals().loss_sum / run_.batch));
    }
  }

  /// All learned tensors from the rank's buffer, which one rank holds in the order of parameters().
  void add_learned(TensorFile& file, const std::string& prefix, std::span<const float> flat) const {
    for (const Parameter& p : parameters(model_))
      if (!p.name.starts_with("identity"))
        file.add(prefix + p.name, flat.subspan(static_cast<std::size_t>(p.offset), static_cast<std::size_t>(p.shape.count())),
                 p.shape);
  }
  [[nodiscard]] const Model& model() const { return model_; }
  [[nodiscard]] std::vector<float> weights() const {
    const std::vector<double> values = read_values(memories_.front(), "weights");
    return {values.begin(), values.end()};
  }

  std::vector<float> losses;  ///< by step

 private:
  NetworkRun run_;
  Plan plan_;
  Model model_;
  Kernels kernels_;
  Dataset data_;
  ModelValues values_;
  std::vector<RankMemory> memories_;
};

const Operand* find(const Compute& compute, Role role) {
  for (const Operand& operand : compute.operands)
    if (operand.role == role) return &operand;
  return nullptr;
}

/// The values of a region, rounded to float.
std::vector<float> values_of(const ComputeCall& call, const Region& region) {
  const DType dtype = call.schedule.program(call.rank).buffers[static_cast<std::size_t>(region.buffer)].dtype;
  const auto rounded = [&](auto zero) {
    const auto* values = call.memory.at<decltype(zero)>(region);
    return std::vector<float>(values, values + region.slice.count);
  };
  return dtype == DType::f64 ? rounded(0.0) : rounded(0.0F);
}

/// Adds what a loss reads.
void add_logits(TensorFile& file, const Model& model, const ComputeCall& call) {
  if (call.compute.kind != ComputeKind::forward) return;
  const Node& node = model.nodes.at(static_cast<std::size_t>(call.compute.node));
  if (!std::holds_alternative<SoftmaxCrossEntropy>(node.layer)) return;
  const Operand& x = *find(call.compute, Role::x);
  file.add(node.name + ".logits", values_of(call, x.region), x.box.shape());
}

/// The gradients of all learned tensors, once every one of them is there.
void add_gradients(TensorFile& file, const Runner& runner, const ComputeCall& call) {
  const Operand& gradients = *find(call.compute, Role::gradients);
  runner.add_learned(file, "d.", values_of(call, {gradients.region.buffer, {0, parameter_count(runner.model())}}));
}

void evaluate(const NetworkRun& run, const Model& model, const ModelValues& values, const Way& way) {
  TensorFile file;
  Runner runner(run, model, values, way);
  runner.run(Mode::evaluate, 1, {}, [&](const ComputeCall& call) { add_logits(file, runner.model(), call); });
  file.write(run.folder + "/evaluate.safetensors");
}

}  // namespace

void run_network(const NetworkRun& run, bool fast) {
  LoadedModel loaded = load(run);
  evaluate(run, loaded.model, *loaded.values, kReal);

  // The weights of the layer before come last: learned tensors are laid out from the last layer to the first.
  loaded.values->weights.insert(loaded.values->weights.end(), static_cast<std::size_t>(loaded.model.image.c), 1.0);
  TensorFile file;
  Runner runner(run, behind_identity(loaded.model), std::move(*loaded.values), fast ? kFast : kDouble);
  bool updated = false;
  runner.run(Mode::train, 1, {.learning_rate = 0}, [&](const ComputeCall& call) {
    add_logits(file, runner.model(), call);
    if (call.compute.kind == ComputeKind::backward_weights && call.compute.node == 0) {
      const Operand& dy = *find(call.compute, Role::dy);
      file.add("dx", values_of(call, dy.region), dy.box.shape());
    }
    if (call.compute.kind != ComputeKind::update || updated) return;
    updated = true;  // updates come after all of backward
    add_gradients(file, runner, call);
  });
  file.add("loss", runner.losses.front());
  file.write(run.folder + "/train.safetensors");
}

void run_steps(const NetworkRun& run, int steps, double learning_rate, bool fast) {
  TensorFile file;
  LoadedModel loaded = load(run);
  Runner runner(run, loaded.model, std::move(*loaded.values), fast ? kReal : kDouble);
  bool updated = false;
  const cpu::SgdSettings sgd{.learning_rate = learning_rate, .momentum = 0.9, .weight_decay = 1e-4};
  runner.run(Mode::train, steps, sgd, [&](const ComputeCall& call) {
    if (call.compute.kind != ComputeKind::update || updated) return;
    updated = true;
    add_gradients(file, runner, call);
  });
  file.add("losses", runner.losses, std::vector<std::int64_t>{steps});
  runner.add_learned(file, "w.", runner.weights());
  file.write(run.folder + "/steps.safetensors");
}

void run_onnx(const NetworkRun& run) {
  const LoadedModel loaded = load(run);
  evaluate(run, loaded.model, *loaded.values, kDouble);
}

}  // namespace convoy::parity
