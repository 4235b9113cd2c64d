/// The emulator of a CUDA device: runs kernels thread by thread on a CPU and says what a GPU would not.
///
/// A kernel file is compiled twice from one source: by nvcc, and by the host compiler with reference/cuda/emulator/device.h in
/// place of CUDA's keywords and with -fsanitize=thread. That option makes the compiler call a function before every access to
/// memory; the functions here (hooks.cpp) take the place of the thread sanitizer's own. So kernels keep their raw pointers, and the
/// emulator still sees every address that is read and written, and at which line.
///
///     blocks     run one after the other, so that a __shared__ variable can be a static one
///     threads    are fibres; a warp of 32 runs lane after lane until all of its lanes wait or have ended
///     accesses   of the lanes of a warp belong together when they are at the same place of the program for the same time
///                since the last barrier: one *request*, as the hardware would make one. Lanes that skip a turn of a loop shift
///                their later requests against the others'; kernels whose lanes agree are counted exactly.
///
/// One launch at a time, on the thread that calls. The same launch gives the same report and the same bits, always.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace convoy::cuda::emulator {

/// Lanes of a warp; bytes that memory moves at least; banks of shared memory, four bytes wide each.
inline constexpr int kWarp = 32;
inline constexpr std::int64_t kSector_bytes = 32;
inline constexpr int kBanks = 32;
inline constexpr int kMostThreads = 1024;  ///< of a block

/// Extents of a grid or a block, and indices in them; CUDA's dim3 and uint3.
struct Extent {
  unsigned x = 1, y = 1, z = 1;
  [[nodiscard]] std::int64_t count() const { return std::int64_t{x} * y * z; }
};

/// What warps asked of global memory in one direction.
struct Traffic {
  std::int64_t requests = 0;      ///< of a warp, up to 32 lanes each
  std::int64_t transactions = 0;  ///< different sectors of 32 bytes in each request, added up
  std::int64_t bytes = 0;         ///< that lanes asked for
  Traffic& operator+=(const Traffic& other);
  friend bool operator==(const Traffic&, const Traffic&) = default;
};

/// What a launch did.
struct Counts {
  Traffic loads, stores;             ///< of global memory; an atomic operation is in neither
  std::int64_t atomics = 0;          ///< lanes that changed global or shared memory atomically
  std::int64_t shared_requests = 0;  ///< of a warp to shared memory
  std::int64_t bank_conflicts = 0;   ///< turns that those took beyond the fewest possible
  std::int64_t barriers = 0;         ///< __syncthreads() that a block passed, over all blocks
  Counts& operator+=(const Counts& other);
  friend bool operator==(const Counts&, const Counts&) = default;
};

/// The same for one place of the program.
struct PlaceCounts {
  std::string place;  ///< "gemm/1_naive.cuh:31"
  bool store = false;
  bool shared = false;
  std::int64_t requests = 0;
  std::int64_t transactions = 0;    ///< global memory
  std::int64_t bank_conflicts = 0;  ///< shared memory
  std::vector<std::int64_t> first;  ///< of the first full request: every lane's first byte, counted from the lowest
};

/// What can be wrong with a kernel.
enum class Fault {
  out_of_bounds,  ///< no such memory
  misaligned,     ///< a vector access whose address is no multiple of its size
  unwritten,      ///< reads what nothing has written
  race,           ///< two threads, one writes, and no barrier between
  barrier,        ///< a barrier that not all threads of the block, or lanes of the mask, come to
  fence,          ///< tensor cores read what a thread wrote and warpgroup_publish() has not shown them
};

/// One thing that is wrong, at one place of the program.
struct Problem {
  Fault fault{};
  std::string place;       ///< "gemm/1_naive.cuh:31"
  std::string sentence;    ///< what happened the first time, with names, threads and the other place
  std::int64_t times = 1;  ///< it happened
};

/// What the launches since the last report() did.
struct Report {
  std::vector<std::string> kernels;  ///< that were launched, in order, each once
  Counts counts;
  std::vector<Problem> problems;
  std::vector<PlaceCounts> places;
  [[nodiscard]] bool clean() const { return problems.empty(); }
};
/// "2 problems:\n  race at ...: ...\n"; "" when there is none.
std::string to_text(const std::vector<Problem>& problems);

/// What is reported and counted since the last call, and forgets it. `places` costs time: addr2line is asked for lines.
Report report(bool places = false);

/// Memory of the device, `bytes` long, with a name for reports and the size of its elements. Holds 0xFF (NaN) and counts as never
/// written. Around it lies memory that belongs to nobody, so that a near miss is seen.
void* allocate(std::int64_t bytes, const std::string& name, int element_bytes);
/// Gives it back. Null does nothing.
void release(void* memory);
/// Says that the host has written these bytes. Throws std::invalid_argument when they are not all memory of the device.
void host_wrote(const void* memory, std::int64_t bytes);
/// Whether these bytes are all memory of the device.
bool is_device_memory(const void* memory, std::int64_t bytes);
/// Bytes that are allocated now.
std::int64_t allocated_bytes();

/// Calls `thread(argument)` once for every thread of every block. Throws std::invalid_argument when a block has no or too many
/// threads. What kernels do wrong is no exception: it is in the report. A launch that reads or writes far from all memory, or
/// whose threads wait for each other for ever, ends there.
void launch(const std::string& kernel, Extent grid, Extent block, void (*thread)(void*), void* argument);

}  // namespace convoy::cuda::emulator
