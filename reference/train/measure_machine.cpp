#include "reference/train/measure_machine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <limits>
#include <thread>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "reference/core/error.h"
#include "reference/core/tensor.h"
#include "reference/cpu/kernels.h"

namespace convoy {
namespace {

using Clock = std::chrono::steady_clock;

/// Seconds of the fastest of several calls, after one to warm up.
template <class F>
double fastest_s(int repetitions, const F& f) {
  f();
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repetitions; ++i) {
    const Clock::time_point start = Clock::now();
    f();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

}  // namespace

double measure_memory_bandwidth_bytes_per_s(std::int64_t bytes, int repetitions) {
  require(bytes > 0 && repetitions > 0, "measure_memory_bandwidth", bytes, " bytes, ", repetitions, " repetitions");
  const AlignedArray<std::byte> from(bytes), to(bytes);
  std::memset(from.data(), 1, static_cast<std::size_t>(bytes));
  const double time_s = fastest_s(repetitions, [&] { std::memcpy(to.data(), from.data(), static_cast<std::size_t>(bytes)); });
  require(to.data()[bytes - 1] == std::byte{1}, "measure_memory_bandwidth", "the copy is wrong");
  return 2 * static_cast<double>(bytes) / time_s;
}

double measure_peak_flops_per_s(int repetitions) {
  constexpr int kSamples = 512, kIn = 1024, kOut = 1024;
  Tensor<float> x({kSamples, kIn, 1, 1}, 0.5F), w({kOut, kIn, 1, 1}, 0.25F), y({kSamples, kOut, 1, 1});
  double time_s = 0;
  std::thread([&] {  // a thread of its own, so that the number of OpenMP threads of the caller stays as it is
#ifdef _OPENMP
    omp_set_num_threads(1);
#endif
    const View<float> result = y.view();
    time_s = fastest_s(repetitions, [&] { cpu::linear_forward(x.view(), w.view(), {nullptr, {1, kOut, 1, 1}}, result); });
  })
      .join();
  require(y.data()[0] == 0.125F * kIn, "measure_peak_flops", "the product is wrong");
  return 2.0 * kSamples * kIn * kOut / time_s;
}

}  // namespace convoy
