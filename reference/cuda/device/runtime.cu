#include <vector>

#include "reference/core/error.h"
#include "reference/cuda/device/device.h"
#include "reference/cuda/platform.cuh"
#include "reference/cuda/runtime.h"

namespace convoy::cuda::device {
namespace {

std::string megabytes(std::size_t bytes) { return cat(static_cast<double>(bytes / 10000) / 100, " MB"); }

}  // namespace

namespace {

[[noreturn]] void fail(const std::string& where, cudaError_t status) {
  cudaGetLastError();  // what can be forgotten is
  throw DeviceError(cat("the GPU failed ", where, ": ", cudaGetErrorString(status), " (", cudaGetErrorName(status),
                        "); with CUDA_LAUNCH_BLOCKING=1 in the environment it is said where it happens"));
}

}  // namespace

void check(cudaError_t status, const std::string& op) {
  if (status != cudaSuccess) fail(cat("at ", op, ", or in a kernel before it"), status);
}

namespace {

/// Of a call that waited for kernels.
void check_work(cudaError_t status) {
  if (status != cudaSuccess) fail("in a kernel", status);
}

// Of this host thread. Stream 0 is CUDA's default one; the others do not wait for it.
thread_local std::vector<cudaStream_t> streams(1, nullptr);
thread_local std::size_t current_stream = 0;
thread_local std::vector<cudaEvent_t> marks;
}  // namespace

cudaStream_t stream() { return streams[current_stream]; }

void use_stream(int stream) {
  require(stream >= 0, "device::use_stream", "stream ", stream);
  current_stream = static_cast<std::size_t>(stream);
  while (streams.size() <= current_stream)
    check(cudaStreamCreateWithFlags(&streams.emplace_back(), cudaStreamNonBlocking), "making a stream");
}

namespace {

[[noreturn]] void throw_no_room(std::int64_t bytes, const std::string& name, std::size_t free_bytes, std::size_t all_bytes) {
  throw LimitError(cat("the GPU has no room for ", megabytes(static_cast<std::size_t>(bytes)), " of ", name, ": ", megabytes(free_bytes),
                        " of its ", megabytes(all_bytes), " are free; use a smaller batch"));
}

}  // namespace

void* allocate(std::int64_t bytes, const std::string& name, int) {
  if (bytes <= 0) bytes = 1;
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, static_cast<std::size_t>(bytes));
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    std::size_t free_bytes = 0, all_bytes = 0;
    check(cudaMemGetInfo(&free_bytes, &all_bytes), "asking for free memory");
    throw_no_room(bytes, name, free_bytes, all_bytes);
  }
  check(status, "allocating " + name);
  return memory;
}

// CUDA would let managed memory grow beyond the GPU's and move pages back and forth: what does not fit is refused here.
void* allocate_shared(std::int64_t bytes, const std::string& name, int) {
  if (bytes <= 0) bytes = 1;
  std::size_t free_bytes = 0, all_bytes = 0;
  check(cudaMemGetInfo(&free_bytes, &all_bytes), "asking for free memory");
  if (static_cast<std::size_t>(bytes) > free_bytes) throw_no_room(bytes, name, free_bytes, all_bytes);
  void* memory = nullptr;
  check(cudaMallocManaged(&memory, static_cast<std::size_t>(bytes)), "allocating " + name);
  check(cudaMemset(memory, 0, static_cast<std::size_t>(bytes)), "filling " + name);
  synchronise();
  return memory;
}

// Never throws: what fails here failed before, and was said then.
void release(void* memory) {
  if (cudaFree(memory) != cudaSuccess) cudaGetLastError();
}

void* allocate_pinned(std::int64_t bytes, const std::string& name, int) {
  void* memory = nullptr;
  check(cudaMallocHost(&memory, static_cast<std::size_t>(bytes > 0 ? bytes : 1)), "pinning memory of the host for " + name);
  return memory;
}
void release_pinned(void* memory) {
  if (cudaFreeHost(memory) != cudaSuccess) cudaGetLastError();
}

void upload(void* to, const void* from, std::int64_t bytes) {
  if (bytes > 0) check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyHostToDevice, stream()), "copying to the GPU");
}
void download(void* to, const void* from, std::int64_t bytes) {
  if (bytes > 0) check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToHost, stream()), "copying from the GPU");
  check_work(cudaStreamSynchronize(stream()));
}
void copy(void* to, const void* from, std::int64_t bytes) {
  if (bytes > 0) check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToDevice, stream()), "copying on the GPU");
}
void fill(void* at, int byte, std::int64_t bytes) {
  if (bytes > 0) check(cudaMemsetAsync(at, byte, static_cast<std::size_t>(bytes), stream()), "filling memory");
}
void synchronise() { check_work(cudaDeviceSynchronize()); }

void mark(int event) {
  while (marks.size() <= static_cast<std::size_t>(event)) check(cudaEventCreate(&marks.emplace_back()), "making an event");
  check(cudaEventRecord(marks[static_cast<std::size_t>(event)], stream()), "recording an event");
}
void wait_for(int event) {
  require(event >= 0 && static_cast<std::size_t>(event) < marks.size(), "device::wait_for", "mark ", event, " was never made");
  check(cudaStreamWaitEvent(stream(), marks[static_cast<std::size_t>(event)], 0), "waiting for an event");
}
double reached_s(int event) {
  check_work(cudaEventSynchronize(marks.at(static_cast<std::size_t>(event))));
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, marks.at(0), marks.at(static_cast<std::size_t>(event))), "reading an event");
  return static_cast<double>(milliseconds) * 1e-3;
}

void* scratch(std::int64_t bytes) {
  struct Store {
    void* memory = nullptr;
    std::int64_t bytes = 0;
  };
  thread_local std::vector<Store> stores;
  if (stores.size() <= current_stream) stores.resize(current_stream + 1);
  Store& store = stores[current_stream];
  if (bytes > store.bytes) {
    synchronise();
    release(store.memory);
    store = {nullptr, 0};
    store = {allocate(bytes, "scratch", 4), bytes};
  }
  return store.memory;
}

namespace {
__global__ void nothing_kernel() {}
}  // namespace

void nothing() { launch("nothing", dim3(1), dim3(1), nothing_kernel); }

namespace {

/// Whether this program holds kernels that the chosen GPU runs.
bool has_kernels() {
  cudaFuncAttributes attributes{};
  const cudaError_t status = cudaFuncGetAttributes(&attributes, nothing_kernel);
  if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction || status == cudaErrorUnsupportedPtxVersion) {
    cudaGetLastError();
    return false;
  }
  check(status, "looking for this program's kernels");
  return true;
}

/// fp32 multiply-adds that a multiprocessor begins in a cycle, by compute capability: CUDA C++ Programming Guide, "Arithmetic
/// Instructions". 0 where this does not know.
int lanes_of(int chip) {
  switch (chip) {
    case 75:
    case 80: return 64;
    case 86:
    case 87:
    case 89:
    case 90:
    case 100:
    case 103:
    case 120:
    case 121: return 128;
    default: return 0;
  }
}

double attribute(cudaDeviceAttr which, int index) {
  int value = 0;
  if (cudaDeviceGetAttribute(&value, which, index) != cudaSuccess) cudaGetLastError();
  return value;
}

}  // namespace

DeviceFacts use_device(int index) {
  Answers answers;
  answers.index = index;
  check(cudaRuntimeGetVersion(&answers.runtime), "asking for CUDA's version");
  if (cudaDriverGetVersion(&answers.driver) != cudaSuccess) answers.driver = 0;
  const cudaError_t status = answers.driver == 0 ? cudaErrorNoDevice : cudaGetDeviceCount(&answers.count);
  answers.counting = status == cudaSuccess                    ? Counting::counted
                     : status == cudaErrorInsufficientDriver ? Counting::driver_too_old
                     : status == cudaErrorNoDevice           ? Counting::none_found
                                                             : Counting::failed;
  answers.failure = cudaGetErrorString(status);
  require_usable(answers, false);
  cudaDeviceProp of{};
  check(cudaGetDeviceProperties(&of, index), "asking for the GPU's properties");
  check(cudaSetDevice(index), "choosing the GPU");
  answers.name = of.name;
  answers.major = of.major;
  answers.minor = of.minor;
  answers.has_kernels = has_kernels();
  require_usable(answers, true);
  const int chip = of.major * 10 + of.minor;
  // kHz; memory moves twice in a cycle of its clock.
  const double clock = attribute(cudaDevAttrClockRate, index) * 1e3, memory_clock = attribute(cudaDevAttrMemoryClockRate, index) * 1e3;
  return {.name = of.name,
          .chip = chip,
          .memory_bytes = static_cast<std::int64_t>(of.totalGlobalMem),
          .multiprocessors = of.multiProcessorCount,
          .driver = answers.driver,
          .runtime = answers.runtime,
          .stated_flops_per_s = 2.0 * lanes_of(chip) * of.multiProcessorCount * clock,
          .stated_bytes_per_s = 2.0 * memory_clock * attribute(cudaDevAttrGlobalMemoryBusWidth, index) / 8};
}

std::int64_t free_bytes() {
  std::size_t free_bytes = 0, all_bytes = 0;
  check(cudaMemGetInfo(&free_bytes, &all_bytes), "asking for free memory");
  return static_cast<std::int64_t>(free_bytes);
}

double time_s(int repetitions, const std::function<void()>& work) {
  cudaEvent_t begin = nullptr, end = nullptr;
  check(cudaEventCreate(&begin), "making an event");
  check(cudaEventCreate(&end), "making an event");
  check(cudaEventRecord(begin, stream()), "recording an event");
  for (int i = 0; i < repetitions; ++i) work();
  check(cudaEventRecord(end, stream()), "recording an event");
  check_work(cudaEventSynchronize(end));
  float milliseconds = 0;
  check(cudaEventElapsedTime(&milliseconds, begin, end), "reading an event");
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return static_cast<double>(milliseconds) * 1e-3 / repetitions;
}

// ---- ceilings

__global__ void multiply_adds_kernel(int turns, float start, float* out) {
  float sums[8];
  for (int i = 0; i < 8; ++i) sums[i] = start + static_cast<float>(i);
  for (int turn = 0; turn < turns; ++turn)
    for (int i = 0; i < 8; ++i) sums[i] = sums[i] * 0.999F + start;  // eight that do not wait for each other
  float all = 0;
  for (int i = 0; i < 8; ++i) all += sums[i];
  if (all == -1.0F) *out = all;  // never, but the compiler does not know
}

Ceilings measure_ceilings(const DeviceFacts& facts) {
  constexpr int kTurns = 4096;
  constexpr std::int64_t kCopied_bytes = std::int64_t{256} << 20;
  const dim3 grid(static_cast<unsigned>(facts.multiprocessors * 8));
  float* out = static_cast<float*>(allocate(4, "ceiling"));
  const auto multiply = [&] { launch("measuring multiply-adds", grid, dim3(256), multiply_adds_kernel, kTurns, 0.5F, out); };
  multiply();
  const double multiply_s = time_s(5, multiply);
  release(out);
  char* from = static_cast<char*>(allocate(2 * kCopied_bytes, "copied memory"));
  const auto move = [&] { copy(from + kCopied_bytes, from, kCopied_bytes); };
  fill(from, 0, 2 * kCopied_bytes);
  move();
  const double move_s = time_s(5, move);
  release(from);
  return {2.0 * 8 * kTurns * 256 * grid.x / multiply_s, 2.0 * static_cast<double>(kCopied_bytes) / move_s};
}

}  // namespace convoy::cuda::device
