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

namespace {
thread_local std::vector<std::chrono::steady_clock::time_point> marks;
}  // namespace

void mark(int event) {
  const auto at = static_cast<std::size_t>(event);
  if (marks.size() <= at) marks.resize(at + 1);
  marks[at] = std::chrono::steady_clock::now();
}
double reached_s(int event) { return std::chrono::duration<double>(marks.at(static_cast<std::size_t>(event)) - marks.at(0)).count(); }

void* scratch(std::int64_t bytes) {
  struct Store {
    void* memory = nullptr;
    std::int64_t bytes = 0;
  };
  static thread_local Store store;
  if (bytes > store.bytes) {
    emulator::release(store.memory);
    store = {emulator::allocate(bytes, "scratch", 4), bytes};
  }
  return store.memory;
}

}  // namespace convoy::cuda::emulated
