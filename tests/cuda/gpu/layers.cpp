/// Every layer's forward, backward and update on the GPU against the naive CPU kernels in double, over the rows of
/// tests/rows/layers.h. Prints what is wrong and ends with 1, or "N rows are right" with 0. The standard library and CUDA are all
/// it needs; scripts/gpu-check builds and runs it. The same kernels run on the emulator in tests/cuda/layers_test.cpp.
#include <cstdio>

#include "reference/cuda/device/device.h"
#include "reference/cuda/runtime.h"
#include "tests/cuda/device_layers.h"
#include "tests/rows/layers.h"

using namespace convoy;
using namespace convoy::test;

namespace {

constexpr double kTolerance = 1e-5;

/// Whether a row gives what the naive kernels give; says what does not.
bool is_right(const rows::LayerRow& row, const Shape& shape) {
  Operands<double> expected(row.layer, shape, 7);
  Operands<float> got(row.layer, shape, 7);
  run_all<Naive<double>>(expected);
  run_all<OnSide>(got);
  bool right = true;
  const auto check = [&](const char* name, double difference) {
    if (difference <= kTolerance) return;
    std::printf("WRONG: %s of %s: %s is off by %g of its largest value\n", row.name.c_str(), to_string(shape).c_str(), name,
                difference);
    right = false;
  };
  check("y", relative_difference(got.y, expected.y));
  check("dx", relative_difference(got.dx, expected.dx));
  check("dw", relative_difference(got.dw, expected.dw));
  check("db", relative_difference(got.db, expected.db));
  for (std::size_t i = 0; i < got.dmore.size(); ++i)
    check("dx of another input", relative_difference(got.dmore[i], expected.dmore[i]));
  if (expected.loss.loss_sum != 0)
    check("the loss", std::abs(got.loss.loss_sum - expected.loss.loss_sum) / std::abs(expected.loss.loss_sum));
  if (got.loss.correct != expected.loss.correct) check("the number of correct answers", 1);
  return right;
}

/// The update on the GPU.
bool is_update_right() {
  Operands<float> o(Linear{70}, {2, 411, 1, 1}, 5);
  Operands<float> cpu_o(Linear{70}, {2, 411, 1, 1}, 5);
  Tensor<float> v(o.w.shape(), 0.25F), cpu_v(o.w.shape(), 0.25F);
  const cpu::SgdSettings settings{.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0.01};
  cpu::naive::sgd_update<float>(cpu_o.w.span(), cpu_o.dw.span(), cpu_v.span(), settings);
  {
    OnDevice d;
    const View<float> w = d.out(o.w, "w", true), momentum = d.out(v, "momentum", true);
    side->kernels.sgd_update(w.span(), d.in(o.dw, "dw").span(), momentum.span(), settings);
  }
  const bool right = relative_difference(o.w, cpu_o.w) <= kTolerance && relative_difference(v, cpu_v) <= kTolerance;
  if (!right) std::printf("WRONG: the update\n");
  return right;
}

}  // namespace

int main() {
  namespace gpu = convoy::cuda::device;
  try {
    const gpu::DeviceFacts facts = gpu::use_device();
    static constexpr Side kGpu{device_kernels(), gpu::allocate, gpu::release, gpu::upload, gpu::download, gpu::fill};
    side = &kGpu;
    int right = 0;
    int wrong = is_update_right() ? 0 : 1;
    for (const rows::LayerRow& row : rows::layer_rows())
      for (const Shape& shape : row.inputs) (is_right(row, shape) ? right : wrong) += 1;
    std::printf("%d rows are right on %s, %d wrong\n", right, facts.name.c_str(), wrong);
    return wrong == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
