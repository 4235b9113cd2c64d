/// Speed of the fast CPU kernels on layers of LeNet-5, ResNet-20 and VGG-16, as FLOP/s by work_of() and bytes/s.
///   bench_kernels                                              everything, on one thread
///   OMP_NUM_THREADS=4 bench_kernels --benchmark_filter=conv    the environment chooses the threads
///   bench_kernels --benchmark_repetitions=9                    median and spread
///   bench_kernels --benchmark_filter=blocked/                  convolutions on nChw16c, with percent of what a core can do: all
///       passes of the layers of AlexNet, VGG-16, ResNet-20 and ResNet-50. Winograd counts the direct way's operations, so that
///       it exceeds 100 %. One thread only: rates are by its processor time, so that other programs disturb little.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <limits>
#include <string>
#include <vector>

#include "reference/core/random.h"
#include "reference/cpu/blocked/kernels.h"
#include "reference/cpu/blocked/tiles.h"
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
void run(Operands& o, const Activation& l, Pass pass) {
  const Tensor<float>& source = differentiates_output(l.function) ? o.y : o.x;
  if (pass == Pass::forward) cpu::activation_forward(o.x.view(), o.y.view(), l.function);
  if (pass == Pass::backward_input) cpu::activation_backward_input(o.dy.view(), source.view(), o.dx.view(), l.function);
}
void run(Operands& o, const Scale&, Pass pass) {  // by some of its own numbers
  const View<float> factors{o.dx.view().data, {o.x.shape().n, o.x.shape().c, 1, 1}};
  if (pass == Pass::forward) cpu::scale_forward(o.x.view(), factors, o.y.view());
  if (pass == Pass::backward_input) cpu::scale_backward_factor(o.dy.view(), o.x.view(), factors);
}
void run(Operands& o, const ChannelSelect& l, Pass pass) {
  if (pass == Pass::forward) cpu::channel_select_forward(o.x.view(), o.y.view(), l);
  if (pass == Pass::backward_input) cpu::channel_select_backward_input(o.dy.view(), o.dx.view(), l);
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

// Blocked convolutions.

/// FLOP/s of one core: the largest of many short runs of the tile that convolutions are made of, with operands in the first
/// cache.
double peak_flops() {
  using namespace cpu::blocked;
  constexpr int kBlocks = std::min(kMaxBlocks, 2);
  constexpr int kPixels = max_pixels(kBlocks);
  constexpr int kPlanes = 4;
  Tensor<float> x({1, kPlanes, kPixels, 16}, 1), w({1, kPlanes, 16 * kBlocks, 16}, 1), y({1, kBlocks, kPixels, 16});
  const Tensor<float> bias({1, kBlocks, 1, 16});
  const std::int64_t tap = 0;
  const TileJob job{.taps = &tap,
                    .tap_count = 1,
                    .planes = kPlanes,
                    .lanes = 16,
                    .last_lanes = 16,
                    .x_plane = kPixels * 16,
                    .x_step = 16,
                    .y_plane = kPixels * 16,
                    .y_step = 16};
  const TileFunction run = tile_function(16, kPixels, kBlocks);
  double best_s = std::numeric_limits<double>::infinity();
  constexpr int kRuns = 5000;
  for (int i = 0; i < 100; ++i) {
    const auto start = std::chrono::steady_clock::now();
    for (int r = 0; r < kRuns; ++r) run(job, x.data(), w.data(), bias.data(), y.data(), nullptr, 0);
    best_s = std::min(best_s, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return 2.0 * kPixels * kBlocks * 16 * kPlanes * 16 * kRuns / best_s;
}

/// A convolution of x in the blocked layout, or of plain images when there are few channels; y is its output after a ReLU.
void bench_blocked(benchmark::State& state, const Conv2d& conv, const Shape& x_shape, Pass pass, double peak) {
  namespace blocked = cpu::blocked;
  const Shape y_shape = output_shape(conv, x_shape);
  const bool plain = x_shape.c <= 4;
  const auto memory = [](const Shape& shape, std::uint64_t seed) {
    return random_tensor({1, 1, 1, static_cast<int>(blocked::blocked_count(shape))}, seed);
  };
  Tensor<float> x = memory(x_shape, 1), y = memory(y_shape, 2), dy = memory(y_shape, 3), dx = memory(x_shape, 4);
  const Tensor<float> image = random_tensor(x_shape, 1);
  const Tensor<float> w = random_tensor(parameter_shapes(conv, x_shape)[0].shape, 5);
  Tensor<float> dw(w.shape());
  const blocked::BlockedView<float> vx{x.data(), x_shape}, vy{y.data(), y_shape}, vdy{dy.data(), y_shape},
      vdx{dx.data(), x_shape};
  const auto run_pass = [&] {
    if (pass == Pass::forward)
      plain ? blocked::conv2d_forward(image.view(), w.view(), {}, vy, conv.window, {.relu = true})
            : blocked::conv2d_forward(vx, w.view(), {}, vy, conv.window, {.relu = true});
    if (pass == Pass::backward_input) blocked::conv2d_backward_input(vdy, w.view(), vdx, conv.window, vy);
    if (pass == Pass::backward_weights)
      plain ? blocked::conv2d_backward_weights(vdy, image.view(), dw.view(), {}, conv.window, vy)
            : blocked::conv2d_backward_weights(vdy, vx, dw.view(), {}, conv.window, vy);
  };
  run_pass();
  for (auto _ : state) {
    run_pass();
    benchmark::ClobberMemory();
  }
  const double flops = 2.0 * static_cast<double>(y_shape.count()) * static_cast<double>(w.shape().sample_count());
  const auto runs = static_cast<double>(state.iterations());
  state.counters["FLOP/s"] = benchmark::Counter(flops * runs, benchmark::Counter::kIsRate);
  state.counters["percent"] = benchmark::Counter(100 * flops / peak * runs, benchmark::Counter::kIsRate);
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

void add_blocked() {
  struct Row {
    const char* name;
    int filters;
    Window window;
    Shape x;
  };
  const Row rows[] = {
      {"alexnet/conv1", 64, square_window(11, 4, 2), {16, 3, 224, 224}},
      {"alexnet/conv2", 192, square_window(5, 1, 2), {16, 64, 27, 27}},
      {"alexnet/conv3", 384, square_window(3, 1, 1), {16, 192, 13, 13}},
      {"alexnet/conv4", 256, square_window(3, 1, 1), {16, 384, 13, 13}},
      {"vgg16/conv1_1", 64, square_window(3, 1, 1), {4, 3, 224, 224}},
      {"vgg16/conv1_2", 64, square_window(3, 1, 1), {4, 64, 224, 224}},
      {"vgg16/conv2_2", 128, square_window(3, 1, 1), {4, 128, 112, 112}},
      {"vgg16/conv3_2", 256, square_window(3, 1, 1), {4, 256, 56, 56}},
      {"vgg16/conv4_2", 512, square_window(3, 1, 1), {4, 512, 28, 28}},
      {"vgg16/conv5_2", 512, square_window(3, 1, 1), {4, 512, 14, 14}},
      {"resnet20/stem", 16, square_window(3, 1, 1), {64, 3, 32, 32}},
      {"resnet20/stage1", 16, square_window(3, 1, 1), {64, 16, 32, 32}},
      {"resnet20/stage2", 32, square_window(3, 1, 1), {64, 32, 16, 16}},
      {"resnet20/stage3", 64, square_window(3, 1, 1), {64, 64, 8, 8}},
      {"resnet50/stem", 64, square_window(7, 2, 3), {16, 3, 224, 224}},
      {"resnet50/56x56 1x1 64 to 256", 256, square_window(1), {16, 64, 56, 56}},
      {"resnet50/56x56 1x1 256 to 64", 64, square_window(1), {16, 256, 56, 56}},
      {"resnet50/56x56 3x3 64", 64, square_window(3, 1, 1), {16, 64, 56, 56}},
      {"resnet50/56x56 3x3 128 stride 2", 128, square_window(3, 2, 1), {16, 128, 56, 56}},
      {"resnet50/28x28 1x1 512 to 128", 128, square_window(1), {16, 512, 28, 28}},
      {"resnet50/28x28 3x3 128", 128, square_window(3, 1, 1), {16, 128, 28, 28}},
      {"resnet50/14x14 1x1 1024 to 256", 256, square_window(1), {16, 1024, 14, 14}},
      {"resnet50/14x14 3x3 256", 256, square_window(3, 1, 1), {16, 256, 14, 14}},
      {"resnet50/7x7 1x1 512 to 2048", 2048, square_window(1), {16, 512, 7, 7}},
      {"resnet50/7x7 1x1 2048 to 512", 512, square_window(1), {16, 2048, 7, 7}},
      {"resnet50/7x7 3x3 512", 512, square_window(3, 1, 1), {16, 512, 7, 7}},
      {"resnet50/56x56 1x1 256 to 512 stride 2", 512, square_window(1, 2), {16, 256, 56, 56}},
  };
  const double peak = peak_flops();
  benchmark::AddCustomContext("peak FLOP/s of a core", std::to_string(peak));
  for (const Row& row : rows) {
    for (const Pass pass : {Pass::forward, Pass::backward_input, Pass::backward_weights}) {
      if (pass == Pass::backward_input && row.x.c <= 4) continue;  // nobody asks for the gradient of images
      benchmark::RegisterBenchmark(("blocked/" + std::string(row.name) + "/" + kPassNames[static_cast<int>(pass)]).c_str(),
                                   bench_blocked, Conv2d{row.filters, row.window, false}, row.x, pass, peak)
          ->Unit(benchmark::kMicrosecond);
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
  add_layers(make_resnet20(), 64,
             {"stem.conv", "stem.bn", "stem.relu", "block1_0.conv1", "block1_0.add", "block2_0.conv1", "block2_0.conv_shortcut",
              "block2_1.conv1", "block2_1.bn1", "block3_1.conv1", "block3_1.bn1", "pool"});
  add_layer("alexnet/lrn1", LocalResponseNorm{5, 1e-4, 0.75, 2}, {8, 96, 55, 55});
  add_layer("alexnet/conv2 in 2 groups", Conv2d{256, square_window(5, 1, 2), true, 2}, {8, 96, 27, 27});
  add_layer("mobilenet/depthwise 112x112", Conv2d{64, square_window(3, 1, 1), false, 64}, {8, 64, 112, 112});
  add_layer("mobilenet/depthwise 112x112, stride 2", Conv2d{64, square_window(3, 2, 1), false, 64}, {8, 64, 112, 112});
  add_layer("mobilenet/depthwise 14x14", Conv2d{512, square_window(3, 1, 1), false, 512}, {8, 512, 14, 14});
  add_blocked();
  benchmark::RegisterBenchmark("sgd/1Mi", bench_sgd)->UseRealTime()->Unit(benchmark::kMicrosecond);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
