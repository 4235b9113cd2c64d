/// Lesson 14, the CUDA ladder on a laptop: what kernels ask of memory, counted without a GPU.
#include <fmt/format.h>

#include <algorithm>

#include "lessons/lesson.h"
#include "reference/cuda/emulator/emulator.h"
#include "reference/cuda/ladder/problem.h"
#include "reference/cuda/platform.cuh"
#include "reference/cuda/runtime.h"

using namespace convoy;
using namespace convoy::lesson;

namespace convoy::cuda::CONVOY_CUDA_SIDE {
namespace {

constexpr int kSide = 32;  // of a matrix of floats, row after row

// [copies]
/// Three ways to copy numbers of a matrix with one warp: lane t reads along a row, every other number of a row, or down a column.
__global__ void along_a_row(const float* x, float* y) { y[threadIdx.x] = x[threadIdx.x]; }
__global__ void every_other(const float* x, float* y) { y[threadIdx.x] = x[2 * threadIdx.x]; }
__global__ void down_a_column(const float* x, float* y) { y[threadIdx.x] = x[kSide * threadIdx.x]; }
// [/copies]

// [turn]
/// Turns 64 numbers round through shared memory; two warps take part. Something is missing.
__global__ void turn_round(const float* x, float* y) {
  __shared__ float tile[64];
  tile[threadIdx.x] = x[threadIdx.x];
  y[threadIdx.x] = tile[63 - threadIdx.x];
}
// [/turn]

// [tile]
/// One warp: lane t adds up row t of a matrix that lies in shared memory, so that in every step the lanes read down a column of it.
template <unsigned kRow>
__global__ void add_up_rows(const float* x, float* y) {
  __shared__ float tile[kSide][kRow];
  const int lane = static_cast<int>(threadIdx.x);
  for (int row = 0; row < kSide; ++row) tile[row][lane] = x[kSide * row + lane];
  __syncthreads();
  float sum = 0;
  for (int column = 0; column < kSide; ++column) sum += tile[lane][column];
  y[lane] = sum;
}
// [/tile]

using Kernel = void (*)(const float*, float*);

/// One block of so many threads on a matrix.
cuda::emulator::Report run(const char* name, Kernel kernel, unsigned threads) {
  const std::vector<float> values(kSide * kSide, 1.0F);
  auto* x = static_cast<float*>(allocate(4 * kSide * kSide, "x"));
  auto* y = static_cast<float*>(allocate(4 * kSide * kSide, "y"));
  upload(x, values.data(), 4 * kSide * kSide);
  launch(name, dim3{1, 1, 1}, dim3{threads, 1, 1}, kernel, x, y);
  release(x);
  release(y);
  return cuda::emulator::report(true);
}

/// A line for the first sectors that a load of the warp touches: # for a float that a lane wants, . for one that comes along.
std::string map_of(const cuda::emulator::PlaceCounts& place) {
  constexpr std::int64_t kShown = 5;  // sectors
  std::string map;
  std::int64_t shown = 0;
  for (std::int64_t sector = 0; sector <= place.first.back() / 32 && shown < kShown; ++sector) {
    std::string floats(8, '.');
    for (const std::int64_t byte : place.first)
      if (byte / 32 == sector) floats[static_cast<std::size_t>(byte % 32 / 4)] = '#';
    if (floats == "........") continue;
    map += "|" + floats;
    ++shown;
  }
  return map + (place.transactions > shown ? "| ..." : "|");
}

void maps(Values& values) {
  struct Row {
    const char* name;
    Kernel kernel;
  };
  std::string table = "kernel          sectors   the first of them\n";
  for (const Row& row : {Row{"along_a_row", along_a_row}, Row{"every_other", every_other}, Row{"down_a_column", down_a_column}}) {
    const cuda::emulator::Report report = run(row.name, row.kernel, 32);
    const auto load = std::find_if(report.places.begin(), report.places.end(), [](const auto& place) { return !place.store; });
    table += fmt::format("{:<14} {:>8}   {}\n", row.name, load->transactions, map_of(*load));
    values.value(row.name, fmt::format("{}", load->transactions));
  }
  values.block("maps", table);
}

void banks(Values& values) {
  const auto line = [](int row, Kernel kernel) {
    return fmt::format("rows of {} floats: {:>4} bank conflicts\n", row, run("add_up_rows", kernel, 32).counts.bank_conflicts);
  };
  values.block("banks", line(kSide, add_up_rows<kSide>) + line(kSide + 1, add_up_rows<kSide + 1>));
}

void race(Values& values) {
  const cuda::emulator::Report report = run("turn_round", turn_round, 64);
  std::string text;
  for (const cuda::emulator::Problem& problem : report.problems)
    if (problem.fault == cuda::emulator::Fault::race && text.empty()) text = problem.place + ": " + problem.sentence + "\n";
  values.block("race", text);
}

}  // namespace
}  // namespace convoy::cuda::CONVOY_CUDA_SIDE

namespace {

/// The ladder of GEMM: what its headers promise and what the emulator counts must be one, or this ends with an error.
void climb(Values& values) {
  using namespace convoy::cuda;
  const ladder::Op& gemm = ladder::ops()[0];
  const ladder::Size size = gemm.counted();
  const double multiply_adds = gemm.flops(size) / 2;
  ladder::Problem problem(gemm, size, ladder::Values::whole, ladder::emulated_backend());
  std::string table = "rung   loads, sectors   bytes a multiply-add   bank conflicts   barriers   idea\n";
  double first = 0, last = 0;
  for (const ladder::Rung& rung : ladder::emulated_backend().rungs(gemm.name)) {
    emulator::report();
    if (!problem.equals_exactly(rung)) throw std::logic_error("a rung is wrong");
    const emulator::Counts counts = emulator::report().counts;
    const ladder::Promise promise = rung.promise(size);
    if (counts.loads.transactions != promise.load_transactions) throw std::logic_error("a rung breaks its promise");
    last = 32.0 * static_cast<double>(counts.loads.transactions) / multiply_adds;
    if (first == 0) first = last;
    table += fmt::format("{:>4} {:>16} {:>22.2f} {:>16} {:>10}   {}\n", rung.number, counts.loads.transactions, last, counts.bank_conflicts,
                         counts.barriers, rung.idea);
  }
  values.block("ladder", table);
  values.value("gain", fmt::format("{:.0f}", first / last));
  values.value("naive_sectors", fmt::format("{}", 32 + 1));
}

void lesson_14(Values& values) {
  cuda::emulated::maps(values);
  cuda::emulated::banks(values);
  climb(values);
  cuda::emulated::race(values);
}

}  // namespace

int main(int argc, char** argv) { return lesson::run(argc, argv, lesson_14); }
