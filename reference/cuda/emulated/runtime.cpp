#include "reference/cuda/runtime.h"

#include <cstring>
#include <vector>

#include "reference/core/error.h"
#include "reference/cuda/emulator/emulator.h"

namespace convoy::cuda::emulated {

void* allocate(std::int64_t bytes, const std::string& name, int element_bytes) {
  return emulator::allocate(bytes, name, element_bytes);
}
void release(void* memory) { emulator::release(memory); }

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
