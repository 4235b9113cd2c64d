/// Speed of the fast CPU kernels on layers of LeNet-5 and VGG-16, as FLOP/s by work_of() and bytes/s.
///   bench_kernels                                              everything, on one thread
///   OMP_NUM_THREADS=4 bench_kernels --benchmark_filter=conv    the environment chooses the threads
///   bench_kernels --benchmark_repetitions=9                    median and spread
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "reference/core/random.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/parallel.h"
#include "reference/model/model.h"
#include "reference/model/zoo.h"

namespace {

using namespace convoy;

Tensor<float> random_tensor(const Shape& shape, std::uint64_t seed) {
  Tensor<float> tensor(shape);
  Random random(seed);
  for (float& value : tensor.span()) value = static_cast<float>(random.uniform(-1, 1));
  return tensor;
}

/// A layer and operands of all its passes.
struct Operands {
  Layer layer;
  Tensor<float> x, y, dx, dy, w, b, dw, db;
  std::vector<int> labels;

  Operands(const Layer& a_layer, const Shape& input)
      : layer(a_layer), x(random_tensor(input, 1)), y(output_shape(layer, input)), dx(input), dy(random_tensor(y.shape(), 2)) {
    for (const ParameterShape& parameter : parameter_shapes(layer, input)) {
      const bool weight = parameter.name == "weight";
      (weight ? w : b) = random_tensor(parameter.shape, weight ? 3 : 4);
      (weight ? dw : db) = Tensor<float>(parameter.shape);
    }
    for (int n = 0; n < input.n; ++n) labels.push_back(n % y.shape().c);
  }
};

constexpr cpu::DropoutKey kKey{.seed = 1, .step = 2, .node = 3, .first_sample = 4};

void run(Operands& o, const Conv2d& conv, Pass pass) {
  if (pass == Pass::forward) cpu::conv2d_forward(o.x.view(), o.w.view(), o.b.view(), o.y.view(), conv.window);
  if (pass == Pass::backward_input) cpu::conv2d_backward_input(o.dy.view(), o.w.view(), o.dx.view(), conv.window);
  if (pass == Pass::backward_weights)
    cpu::conv2d_backward_weights(o.dy.view(), o.x.view(), o.dw.view(), o.db.view(), conv.window);
}
void run(Operands& o, const Linear&, Pass pass) {
  if (pass == Pass::forward) cpu::linear_forward(o.x.view(), o.w.view(), o.b.view(), o.y.view());
  if (pass == Pass::backward_input) cpu::linear_backward_input(o.dy.view(), o.w.view(), o.dx.view());
  if (pass == Pass::backward_weights) cpu::linear_backward_weights(o.dy.view(), o.x.view(), o.dw.view(), o.db.view());
}
void run(Operands& o, const MaxPool2d& pool, Pass pass) {
  if (pass == Pass::forward) cpu::max_pool2d_forward(o.x.view(), o.y.view(), pool.window);
  if (pass == Pass::backward_input) cpu::max_pool2d_backward_input(o.dy.view(), o.x.view(), o.dx.view(), pool.window);
}
void run(Operands& o, const ReLU&, Pass pass) {
  if (pass == Pass::forward) cpu::relu_forward(o.x.view(), o.y.view());
  if (pass == Pass::backward_input) cpu::relu_backward_input(o.dy.view(), o.y.view(), o.dx.view());
}
void run(Operands& o, const Dropout& dropout, Pass pass) {
  if (pass == Pass::forward) cpu::dropout_forward(o.x.view(), o.y.view(), dropout.probability, kKey);
  if (pass == Pass::backward_input) cpu::dropout_backward_input(o.dy.view(), o.dx.view(), dropout.probability, kKey);
}
void run(Operands& o, const SoftmaxCrossEntropy&, Pass pass) {
  if (pass == Pass::forward) benchmark::DoNotOptimize(cpu::softmax_cross_entropy_forward(o.x.view(), o.labels, o.y.view()));
  if (pass == Pass::backward_input)
    cpu::softmax_cross_entropy_backward_input(o.y.view(), o.labels, o.dx.view(), 1.0 / o.x.shape().n);
}
void run(Operands&, const Flatten&, Pass) {}

void bench_layer(benchmark::State& state, const Layer& layer, const Shape& x, Pass pass) {
  Operands operands(layer, x);
  std::visit([&](const auto& kind) { run(operands, kind, Pass::forward); }, layer);  // y for the backward passes; warm caches
  for (auto _ : state) {
    std::visit([&](const auto& kind) { run(operands, kind, pass); }, layer);
    benchmark::ClobberMemory();
  }
  const Work work = work_of(layer, x, pass, DType::f32);
  const auto runs = static_cast<double>(state.iterations());
  state.counters["FLOP/s"] = benchmark::Counter(work.flops * runs, benchmark::Counter::kIsRate);
  state.counters["B/s"] = benchmark::Counter((work.bytes_read + work.bytes_written) * runs, benchmark::Counter::kIsRate);
}

void bench_sgd(benchmark::State& state) {
  const Shape shape{1, 1 << 20, 1, 1};
  Tensor<float> w = random_tensor(shape, 1);
  const Tensor<float> dw = random_tensor(shape, 2);
  Tensor<float> momentum(shape);
  for (auto _ : state) {
    cpu::sgd_update(w.span(), dw.span(), momentum.span(), {.learning_rate = 1e-3, .momentum = 0.9, .weight_decay = 1e-4});
    benchmark::ClobberMemory();
  }
  state.counters["B/s"] = benchmark::Counter(20.0 * (1 << 20) * static_cast<double>(state.iterations()),
                                             benchmark::Counter::kIsRate);  // reads w, dw, v; writes w, v
}

/// All passes of some layers of a model.
void add_layers(const Model& model, int batch, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const Node& node = model.nodes[i];
    if (std::find(names.begin(), names.end(), node.name) == names.end()) continue;
    const Shape x = input_shape(model, static_cast<int>(i), batch);
    const char* const pass_names[] = {"forward", "backward_input", "backward_weights"};
    for (const Pass pass : {Pass::forward, Pass::backward_input, Pass::backward_weights}) {
      if (pass == Pass::backward_weights && parameter_shapes(node.layer, x).empty()) continue;
      const std::string name =
          model.name + "/" + node.name + "/batch:" + std::to_string(batch) + "/" + pass_names[static_cast<int>(pass)];
      benchmark::RegisterBenchmark(name.c_str(), bench_layer, node.layer, x, pass)->UseRealTime()->Unit(benchmark::kMicrosecond);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
#ifdef _OPENMP
  if (std::getenv("OMP_NUM_THREADS") == nullptr) omp_set_num_threads(1);
#endif
  cpu::flush_denormals();
  benchmark::AddCustomContext("kernel threads", std::to_string(cpu::max_threads()));
  add_layers(make_lenet5(), 32, {"conv1", "relu1", "pool1", "conv2", "relu2", "pool2", "fc1", "fc2", "fc3", "loss"});
  add_layers(make_vgg16(), 4, {"conv1_2", "relu1_2", "pool1", "conv3_2", "conv5_2", "fc7", "drop7", "loss"});
  benchmark::RegisterBenchmark("sgd/1Mi", bench_sgd)->UseRealTime()->Unit(benchmark::kMicrosecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
