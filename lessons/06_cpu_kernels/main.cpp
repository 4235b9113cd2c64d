/// Lesson 6, CPU kernels: what a core could do, what a plain loop does, and the steps between.
#include <fmt/format.h>

#include <algorithm>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "lessons/lesson.h"
#include "reference/cpu/kernels.h"
#include "reference/cpu/ladder/measure.h"
#include "reference/cpu/ladder/problem.h"
#include "reference/model/model.h"

using namespace convoy;
using namespace convoy::lesson;

namespace {

// [settings]
constexpr double kPeakFlops_per_s = 130e9;   // of one core: what its multipliers can do
constexpr double kMemoryBytes_per_s = 22e9;  // what memory can bring
const Shape kImages{16, 64, 56, 56};         // what the layers of the first table read
// [/settings]

// [roofline]
/// A kernel takes at least the time of its arithmetic, and at least the time in which memory brings its operands.
double least_time_s(const Work& work) {
  const double arithmetic_s = work.flops / kPeakFlops_per_s;
  const double memory_s = (work.bytes_read + work.bytes_written) / kMemoryBytes_per_s;
  return std::max(arithmetic_s, memory_s);
}
// [/roofline]

void roofline(Values& values) {
  struct Row {
    const char* name;
    Layer layer;
    Shape x;
  };
  const Row rows[] = {
      {"convolution 3x3, 64 filters", Conv2d{64, square_window(3, 1, 1), false}, kImages},
      {"convolution 1x1, 256 filters", Conv2d{256, square_window(1), false}, kImages},
      {"depthwise 3x3", Conv2d{64, square_window(3, 1, 1), false, 64}, kImages},
      {"batch normalisation", BatchNorm2d{}, kImages},
      {"ReLU", ReLU{}, kImages},
      {"linear, 4096 to 4096, 4 images", Linear{4096}, {4, 4096, 1, 1}},
      {"the same, 64 images", Linear{4096}, {64, 4096, 1, 1}},
  };
  std::string table = "layer, forward                      GFLOP       MB   FLOPs a byte   at least   limit\n";
  for (const Row& row : rows) {
    const Work work = work_of(row.layer, row.x, Pass::forward, DType::f32);
    const double bytes = work.bytes_read + work.bytes_written;
    const bool arithmetic = work.flops / kPeakFlops_per_s >= bytes / kMemoryBytes_per_s;
    table += fmt::format("{:<32} {:>8.3f} {:>8.1f} {:>14.1f} {:>7.2f} ms   {}\n", row.name, work.flops / 1e9, bytes / 1e6,
                         work.flops / bytes, 1e3 * least_time_s(work), arithmetic ? "arithmetic" : "memory");
  }
  values.block("roofline", table);
  values.value("ridge", fmt::format("{:.1f}", kPeakFlops_per_s / kMemoryBytes_per_s));
}

// [loads]
/// For every tap, a tile of p pixels and v vectors of filters loads p numbers and v vectors, and does p*v multiply-adds.
double multiply_adds_a_load(int pixels, int vectors) { return static_cast<double>(pixels * vectors) / (pixels + vectors); }
// [/loads]

void tiles(Values& values) {
  std::string table = "pixels x vectors   registers   multiply-adds a load\n";
  const int sizes[][2] = {{1, 1}, {4, 1}, {28, 1}, {14, 2}, {9, 3}, {6, 4}, {5, 5}};
  for (const auto& size : sizes)
    table += fmt::format("{:>6} x {:<7} {:>11} {:>22.2f}\n", size[0], size[1], size[0] * size[1] + size[1] + 1,
                         multiply_adds_a_load(size[0], size[1]));
  values.block("tiles", table);
}

/// The rungs of the ladder, measured on one core.
void climb(Values& values) {
#ifdef _OPENMP
  omp_set_num_threads(1);
#endif
  cpu::flush_denormals();
  const cpu::ladder::Size size{Conv2d{64, square_window(3, 1, 1), false}, {1, 64, 28, 28}, ""};
  const Work work = work_of(size.layer, size.x, Pass::forward, DType::f32);
  cpu::ladder::Problem problem(size);
  const double peak = cpu::ladder::peak_flops_per_s();
  std::string table = "rung   GFLOP/s   of the peak   idea\n";
  double first_s = 0;
  double last_s = 0;
  for (const cpu::ladder::Rung& rung : cpu::ladder::conv2d.rungs) {
    if (!(problem.error_of(rung) <= cpu::ladder::kTolerance)) throw std::logic_error("a rung is wrong");
    last_s = problem.time_s(rung, 0.02);
    if (first_s == 0) first_s = last_s;
    table += fmt::format("{:>4} {:>9.1f} {:>11.0f} %   {}\n", rung.number, work.flops / last_s / 1e9,
                         100 * work.flops / last_s / peak, rung.idea);
  }
  values.block("ladder", table);
  values.value("gain", fmt::format("{:.0f}", first_s / last_s));
}

void lesson_6(Values& values) {
  roofline(values);
  tiles(values);
  climb(values);
}

}  // namespace

int main(int argc, char** argv) { return lesson::run(argc, argv, lesson_6); }
