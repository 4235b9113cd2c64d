#include <fstream>
#include <iterator>

#include "reference/core/error.h"
#include "reference/exec/exec.h"
#include "reference/io/weights_file.h"
#include "reference/model/zoo.h"
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
  data.mean = 0.45;
  data.deviation = 0.225;
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

/// A network, its schedule and its memory, on one rank.
class Runner {
 public:
  Runner(const NetworkRun& run, bool with_identity, Kernels kernels = Kernels::fast)
      : run_(run), model_(make_model(run.model)), kernels_(kernels) {
    ModelValues values = read_weights_file(run.folder + "/weights.safetensors", model_);
    for (Node& node : model_.nodes)
      if (auto* dropout = std::get_if<Dropout>(&node.layer)) dropout->probability = 0;
    if (with_identity) {  // its weights come last: learned tensors are laid out from the last layer to the first
      model_ = behind_identity(model_);
      values.weights.insert(values.weights.end(), static_cast<std::size_t>(model_.image.c), 1.0);
    }
    data_ = read_data(run, model_);
    values_ = std::move(values);
  }

  /// Runs `steps` steps and calls visit(call) after every op.
  template <class Visit>
  void run(Mode mode, int steps, const cpu::SgdSettings& sgd, const Visit& visit) {
    Plan plan = make_plan("data", {.ranks = 1, .global_batch = run_.batch});
    plan.dtype = dtype_of(kernels_);
    const Schedule schedule = make_schedule(model_, plan, mode);
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

std::span<const float> values_of(const ComputeCall& call, const Operand& operand) {
  return {call.memory.at<float>(operand.region), static_cast<std::size_t>(operand.region.slice.count)};
}

/// Adds what a loss reads.
void add_logits(TensorFile& file, const Model& model, const ComputeCall& call) {
  if (call.compute.kind != ComputeKind::forward) return;
  const Node& node = model.nodes.at(static_cast<std::size_t>(call.compute.node));
  if (!std::holds_alternative<SoftmaxCrossEntropy>(node.layer)) return;
  const Operand& x = *find(call.compute, Role::x);
  file.add(node.name + ".logits", values_of(call, x), x.box.shape());
}

/// The gradients of all learned tensors, once every one of them is there.
template <class T>
void add_gradients(TensorFile& file, const Runner& runner, const ComputeCall& call) {
  const Operand& gradients = *find(call.compute, Role::gradients);
  const Region all{gradients.region.buffer, {0, parameter_count(runner.model())}};
  const T* values = call.memory.at<T>(all);
  runner.add_learned(file, "d.", std::vector<float>(values, values + all.slice.count));
}

}  // namespace

void run_network(const NetworkRun& run) {
  TensorFile file;
  Runner runner(run, true);
  bool updated = false;
  runner.run(Mode::train, 1, {.learning_rate = 0}, [&](const ComputeCall& call) {
    add_logits(file, runner.model(), call);
    if (call.compute.kind == ComputeKind::backward_weights && call.compute.node == 0) {
      const Operand& dy = *find(call.compute, Role::dy);
      file.add("dx", values_of(call, dy), dy.box.shape());
    }
    if (call.compute.kind != ComputeKind::update || updated) return;
    updated = true;  // updates come after all of backward
    add_gradients<float>(file, runner, call);
  });
  file.add("loss", runner.losses.front());
  file.write(run.folder + "/train.safetensors");

  TensorFile evaluated;
  Runner evaluator(run, false);
  evaluator.run(Mode::evaluate, 1, {}, [&](const ComputeCall& call) { add_logits(evaluated, evaluator.model(), call); });
  evaluated.write(run.folder + "/evaluate.safetensors");
}

void run_steps(const NetworkRun& run, int steps, double learning_rate) {
  TensorFile file;
  Runner runner(run, false, Kernels::naive_f64);
  bool updated = false;
  const cpu::SgdSettings sgd{.learning_rate = learning_rate, .momentum = 0.9, .weight_decay = 1e-4};
  runner.run(Mode::train, steps, sgd, [&](const ComputeCall& call) {
    if (call.compute.kind != ComputeKind::update || updated) return;
    updated = true;
    add_gradients<double>(file, runner, call);
  });
  file.add("losses", runner.losses, std::vector<std::int64_t>{steps});
  runner.add_learned(file, "w.", runner.weights());
  file.write(run.folder + "/steps.safetensors");
}

}  // namespace convoy::parity
