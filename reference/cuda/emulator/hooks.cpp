// The functions that -fsanitize=thread calls before every access of a kernel file. This program is not linked with the thread
// sanitizer; these take the place of its own. Outside of a kernel they do nothing, or for atomic operations what was asked for.
#include "reference/cuda/emulator/session.h"

using convoy::cuda::emulator::Session;
using convoy::cuda::emulator::session;

namespace {

// One test for host code that lies in the same files.
void watch(const void* address, int bytes, bool store, const void* place, bool atomic = false) {
  Session& s = session();
  if (!s.running()) return;
  s.access({reinterpret_cast<std::uintptr_t>(address), bytes, store, place}, atomic);
}

void watch_range(const void* address, std::size_t bytes, bool store, const void* place) {
  const auto* at = static_cast<const char*>(address);
  while (bytes > 0) {
    const auto from = reinterpret_cast<std::uintptr_t>(at);
    std::size_t step = 8;
    while (from % step != 0 || step > bytes) step /= 2;
    watch(at, static_cast<int>(step), store, place);
    at += step;
    bytes -= step;
  }
}

template <class T>
void watch_atomic(const volatile T* at, const void* place) {
  watch(const_cast<const T*>(at), sizeof(T), true, place, true);
}

}  // namespace

#define HERE __builtin_return_address(0)
#define CONVOY_WATCHED(bytes)                                                                    \
  void __tsan_read##bytes(void* at) { watch(at, bytes, false, HERE); }                           \
  void __tsan_write##bytes(void* at) { watch(at, bytes, true, HERE); }                           \
  void __tsan_volatile_read##bytes(void* at) { watch(at, bytes, false, HERE); }                  \
  void __tsan_volatile_write##bytes(void* at) { watch(at, bytes, true, HERE); }
#define CONVOY_UNALIGNED(bytes)                                                                  \
  void __tsan_unaligned_read##bytes(void* at) { watch(at, bytes, false, HERE); }                 \
  void __tsan_unaligned_write##bytes(void* at) { watch(at, bytes, true, HERE); }                 \
  void __tsan_unaligned_volatile_read##bytes(void* at) { watch(at, bytes, false, HERE); }        \
  void __tsan_unaligned_volatile_write##bytes(void* at) { watch(at, bytes, true, HERE); }
#define CONVOY_FETCH(bits, T, op)                                                                \
  T __tsan_atomic##bits##_fetch_##op(volatile T* at, T value, int) {                             \
    watch_atomic(at, HERE);                                                                      \
    return __atomic_fetch_##op(at, value, __ATOMIC_SEQ_CST);                                     \
  }
#define CONVOY_ATOMIC(bits, T)                                                                   \
  T __tsan_atomic##bits##_load(const volatile T* at, int) {                                      \
    watch_atomic(at, HERE);                                                                      \
    return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                                \
  }                                                                                              \
  void __tsan_atomic##bits##_store(volatile T* at, T value, int) {                               \
    watch_atomic(at, HERE);                                                                      \
    __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                               \
  }                                                                                              \
  T __tsan_atomic##bits##_exchange(volatile T* at, T value, int) {                               \
    watch_atomic(at, HERE);                                                                      \
    return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                                     \
  }                                                                                              \
  bool __tsan_atomic##bits##_compare_exchange_strong(volatile T* at, T* expected, T value, int, int) { \
    watch_atomic(at, HERE);                                                                      \
    return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
  }                                                                                              \
  bool __tsan_atomic##bits##_compare_exchange_weak(volatile T* at, T* expected, T value, int, int) { \
    watch_atomic(at, HERE);                                                                      \
    return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
  }                                                                                              \
  T __tsan_atomic##bits##_compare_exchange_val(volatile T* at, T expected, T value, int, int) {  \
    watch_atomic(at, HERE);                                                                      \
    __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST); \
    return expected;                                                                             \
  }                                                                                              \
  CONVOY_FETCH(bits, T, add)                                                                     \
  CONVOY_FETCH(bits, T, sub)                                                                     \
  CONVOY_FETCH(bits, T, and)                                                                     \
  CONVOY_FETCH(bits, T, or)                                                                      \
  CONVOY_FETCH(bits, T, xor)                                                                     \
  CONVOY_FETCH(bits, T, nand)

extern "C" {

CONVOY_WATCHED(1)
CONVOY_WATCHED(2)
CONVOY_WATCHED(4)
CONVOY_WATCHED(8)
CONVOY_WATCHED(16)
CONVOY_UNALIGNED(2)
CONVOY_UNALIGNED(4)
CONVOY_UNALIGNED(8)
CONVOY_UNALIGNED(16)
CONVOY_ATOMIC(8, std::uint8_t)
CONVOY_ATOMIC(16, std::uint16_t)
CONVOY_ATOMIC(32, std::uint32_t)
CONVOY_ATOMIC(64, std::uint64_t)

void __tsan_read_range(void* at, std::size_t bytes) { watch_range(at, bytes, false, HERE); }
void __tsan_write_range(void* at, std::size_t bytes) { watch_range(at, bytes, true, HERE); }
void __tsan_vptr_read(void** at) { watch(at, sizeof(void*), false, HERE); }
void __tsan_vptr_update(void** at, void*) { watch(at, sizeof(void*), true, HERE); }
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) {}

}  // extern "C"
