/// Speed of the fast CPU kernels on layers of LeNet-5, ResNet-20 and VGG-16, as FLOP/s by work_of() and bytes/s.
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
  std::vector<double> sums, gradient_sums;  ///< of BatchNorm2d

  Operands(const Layer& a_layer, const Shape& input)
      : layer(a_layer), x(random_tensor(input, 1)), y(output_shape(layer, input)), dx(input), dy(random_tensor(y.shape(), 2)) {
    for (const ParameterShape& parameter : parameter_shapes(layer, input)) {
      const bool weight = parameter.name == "weight";
      (weight ? w : b) = random_tensor(parameter.shape, weight ? 3 : 4);
      (weight ? dw : db) = Tensor<float>(parameter.shape);
    }
    sums.resize(static_cast<std::size_t>(2 * input.c + 1));
    gradient_sums.resize(static_cast<std::size_t>(2 * input.c));
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
template <class Pool>
void average(Operands& o, const Pool& pool, Pass pass) {
  const std::vector<PoolSpan> rows = pool_spans_h(pool, o.x.shape().h);
  const std::vector<PoolSpan> columns = pool_spans_w(pool, o.x.shape().w);
  if (pass == Pass::forward) cpu::avg_pool2d_forward(o.x.view(), o.y.view(), rows, columns);
  if (pass == Pass::backward_input) cpu::avg_pool2d_backward_input(o.dy.view(), o.dx.view(), rows, columns);
}
void run(Operands& o, const AvgPool2d& pool, Pass pass) { average(o, pool, pass); }
void run(Operands& o, const AdaptiveAvgPool2d& pool, Pass pass) { average(o, pool, pass); }
void run(Operands& o, const ReLU&, Pass pass) {
  if (pass == Pass::forward) cpu::relu_forward(o.x.view(), o.y.view());
  if (pass == Pass::backward_input) cpu::relu_backward_input(o.dy.view(), o.y.view(), o.dx.view());
}
void run(Operands& o, const Dropout& dropout, Pass pass) {
  if (pass == Pass::forward) cpu::dropout_forward(o.x.view(), o.y.view(), dropout.probability, kKey);
  if (pass == Pass::backward_input) cpu::dropout_backward_input(o.dy.view(), o.dx.view(), dropout.probability, kKey);
}
void run(Operands& o, const SoftmaxCrossEntropy& loss, Pass pass) {
  if (pass == Pass::forward) benchmark::DoNotOptimize(cpu::softmax_cross_entropy_forward(o.x.view(), o.labels, o.y.view(), loss));
  if (pass == Pass::backward_input)
    cpu::softmax_cross_entropy_backward_input(o.y.view(), o.labels, o.dx.view(), loss, 1.0 / o.x.shape().n);
}
void run(Operands& o, const BatchNorm2d& norm, Pass pass) {
  if (pass == Pass::forward) {
    cpu::batch_norm2d_statistics(o.x.view(), o.sums);
    cpu::batch_norm2d_forward(o.x.view(), o.w.view(), o.b.view(), o.sums, norm.epsilon, o.y.view());
  }
  if (pass == Pass::backward_input) {
    cpu::batch_norm2d_backward_statistics(o.dy.view(), o.x.view(), o.sums, norm.epsilon, o.gradient_sums);
    cpu::batch_norm2d_backward_input(o.dy.view(), o.x.view(), o.w.view(), o.sums, o.gradient_sums, norm.epsilon, o.dx.view());
  }
  if (pass == Pass::backward_weights) cpu::batch_norm2d_backward_weights(o.gradient_sums, o.dw.view(), o.db.view());
}
void run(Operands& o, const LocalResponseNorm& norm, Pass pass) {
  if (pass == Pass::forward) cpu::local_response_norm_forward(o.x.view(), o.y.view(), norm, 0);
  if (pass == Pass::backward_input) cpu::local_response_norm_backward_input(o.dy.view(), o.x.view(), o.dx.view(), norm, 0);
}
void run(Operands& o, const GlobalAvgPool2d&, Pass pass) {
  const double pixels = static_cast<double>(o.x.shape().h) * o.x.shape().w;
  if (pass == Pass::forward) cpu::global_avg_pool2d_forward(o.x.view(), o.y.view(), pixels);
  if (pass == Pass::backward_input) cpu::global_avg_pool2d_backward_input(o.dy.view(), o.dx.view(), pixels);
}
void run(Operands& o, const Add&, Pass pass) {  // of two
  const View<const float> inputs[] = {o.x.view(), o.dx.view()};
  if (pass == Pass::forward) cpu::sum(inputs, o.y.view());
}
void run(Operands& o, const Concat&, Pass pass) {  // of one
  const Shape& x = o.x.shape();
  if (pass == Pass::forward) cpu::copy_part(o.x.view(), o.y.view(), {.n = x.n, .c = x.c, .h = x.h});
  if (pass == Pass::backward_input) cpu::copy_part(o.dy.view(), o.dx.view(), {.n = x.n, .c = x.c, .h = x.h});
}
void run(Operands&, const Flatten&, Pass) {}

void bench_layer(benchmark::State& state, const Layer& layer, const Shape& x, Pass pass) {
  Operands operands(layer, x);
  std::visit([&](const auto& kind) { run(operands, kind, Pass::forward); }, layer);  // y for the backward passes; warm caches
  for (auto _ : state) {
    std::visit([&](const auto& kind) { run(operands, kind, pass); }, layer);
    benchmark::ClobberMemory();
  }
  const Work work = work_of(layer, x, pass, DType::f32, std::holds_alternative<Add>(layer) ? 2 : 1);
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

constexpr const char* kPassNames[] = {"forward", "backward_input", "backward_weights"};

/// All passes of a layer that no network of the zoo has.
void add_layer(const std::string& name, const Layer& layer, const Shape& x) {
  for (const Pass pass : {Pass::forward, Pass::backward_input, Pass::backward_weights}) {
    if (pass == Pass::backward_weights && parameter_shapes(layer, x).empty()) continue;
    benchmark::RegisterBenchmark((name + "/" + kPassNames[static_cast<int>(pass)]).c_str(), bench_layer, layer, x, pass)
        ->UseRealTime()
        ->Unit(benchmark::kMicrosecond);
  }
}

/// All passes of some layers of a model.
void add_layers(const Model& model, int batch, const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < model.nodes.size(); ++i) {
    const Node& node = model.nodes[i];
    if (std::find(names.begin(), names.end(), node.name) == names.end()) continue;
    const Shape x = input_shape(model, static_cast<int>(i), batch);
    add_layer(model.name + "/" + node.name + "/batch:" + std::to_string(batch), node.layer, x);
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
  add_layers(make_resnet20(), 64,
             {"stem.conv", "stem.bn", "stem.relu", "block1_0.conv1", "block1_0.add", "block2_0.conv1", "block2_0.conv_shortcut",
              "block2_1.conv1", "block2_1.bn1", "block3_1.conv1", "block3_1.bn1", "pool"});
  add_layer("alexnet/lrn1", LocalResponseNorm{5, 1e-4, 0.75, 2}, {8, 96, 55, 55});
  add_layer("alexnet/conv2 in 2 groups", Conv2d{256, square_window(5, 1, 2), true, 2}, {8, 96, 27, 27});
  add_layer("mobilenet/depthwise 112x112", Conv2d{64, square_window(3, 1, 1), false, 64}, {8, 64, 112, 112});
  add_layer("mobilenet/depthwise 112x112, stride 2", Conv2d{64, square_window(3, 2, 1), false, 64}, {8, 64, 112, 112});
  add_layer("mobilenet/depthwise 14x14", Conv2d{512, square_window(3, 1, 1), false, 512}, {8, 512, 14, 14});
  benchmark::RegisterBenchmark("sgd/1Mi", bench_sgd)->UseRealTime()->Unit(benchmark::kMicrosecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
