#include "reference/cuda/runtime.h"

#include <chrono>
#include <cstring>
#include <vector>

#include "reference/core/error.h"
#include "reference/cuda/emulator/emulator.h"

namespace convoy::cuda::emulated {

void* allocate(std::int64_t bytes, const std::string& name, int element_bytes) {
  return emulator::allocate(bytes, name, element_bytes);
}
void release(void* memory) { emulator::release(memory); }

void* allocate_shared(std::int64_t bytes, const std::string& name, int element_bytes) {
  void* memory = allocate(bytes, name, element_bytes);
  fill(memory, 0, bytes);
  return memory;
}

void upload(void* to, const void* from, std::int64_t bytes) {
  if (bytes == 0) return;
  emulator::host_wrote(to, bytes);
  std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

void download(void* to, const void* from, std::int64_t bytes) {
  if (bytes == 0) return;
  require(emulator::is_device_memory(from, bytes), "emulated::download", "not memory of the device");
  std::memcpy(to, from, static_cast<std::size_t>(bytes));
}

void copy(void* to, const void* from, std::int64_t bytes) {
  if (bytes == 0) return;
  require(emulator::is_device_memory(from, bytes), "emulated::copy", "not memory of the device");
  upload(to, from, bytes);
}

void fill(void* at, int byte, std::int64_t bytes) {
  if (bytes == 0) return;
  emulator::host_wrote(at, bytes);
  std::memset(at, byte, static_cast<std::size_t>(bytes));
}

void synchronise() {}

void* allocate_pinned(std::int64_t bytes, const std::string&, int) { return ::operator new(static_cast<std::size_t>(bytes)); }
void release_pinned(void* memory) { ::operator delete(memory); }

void nothing() { emulator::launch("nothing", {1, 1, 1}, {1, 1, 1}, [](void*) {}, nullptr); }

// Everything is done as it is asked for, so that streams order nothing more; only scratch memory is of one.
namespace {
using Clock = std::chrono::steady_clock;
thread_local std::vector<Clock::time_point> marks;
thread_local std::size_t current = 0;
}  // namespace

void use_stream(int stream) {
  require(stream >= 0, "emulated::use_stream", "stream ", stream);
  current = static_cast<std::size_t>(stream);
}
void mark(int event) {
  const auto at = static_cast<std::size_t>(event);
  if (marks.size() <= at) marks.resize(at + 1);
  marks[at] = Clock::now();
}
void wait_for(int event) {
  const auto at = static_cast<std::size_t>(event);
  require(event >= 0 && at < marks.size() && marks[at] != Clock::time_point{}, "emulated::wait_for", "mark ", event, " was never made");
}
double reached_s(int event) { return std::chrono::duration<double>(marks.at(static_cast<std::size_t>(event)) - marks.at(0)).count(); }

void* scratch(std::int64_t bytes) {
  struct Store {
    void* memory = nullptr;
    std::int64_t bytes = 0;
  };
  static thread_local std::vector<Store> stores;
  if (stores.size() <= current) stores.resize(current + 1);
  Store& store = stores[current];
  if (bytes > store.bytes) {
    emulator::release(store.memory);
    store = {emulator::allocate(bytes, "scratch", 4), bytes};
  }
  return store.memory;
}

}  // namespace convoy::cuda::emulated
