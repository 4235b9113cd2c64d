/// Fibres: functions that can stop in the middle and go on later, all on one thread. One for every CUDA thread of a block.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <vector>

namespace convoy::cuda::emulator {

/// Enough for kernels; what lies on it is never looked at twice.
inline constexpr std::size_t kStack_bytes = std::size_t{64} * 1024;

/// A fixed number of fibres that all run one function again and again. Contexts are made with makecontext, and changed with
/// setjmp and longjmp, which unlike swapcontext ask nothing of the operating system.
class Fibres {
 public:
  Fibres() = default;
  ~Fibres();
  Fibres(const Fibres&) = delete;
  Fibres& operator=(const Fibres&) = delete;

  /// Makes fibres 0 to count - 1 ready to begin `body(index)` from its start, wherever they are.
  void begin(int count, void (*body)(int));
  /// Goes on with a fibre until it calls stop() or its body ends. From outside of all fibres.
  void resume(int index);
  /// From inside a fibre: back to who resumed it.
  void stop();
  /// Whether the body of a fibre has ended.
  [[nodiscard]] bool ended(int index) const { return states_[static_cast<std::size_t>(index)].ended; }
  /// The stack of a fibre.
  [[nodiscard]] const std::byte* stack(int index) const { return memory_ + static_cast<std::size_t>(index) * kStack_bytes; }

 private:
  struct State {
    std::jmp_buf at;
    bool made = false;   ///< has a context
    bool ended = true;
    bool fresh = true;   ///< has to be entered at its first line
  };
  static void enter();

  std::byte* memory_ = nullptr;
  std::vector<State> states_;
  std::jmp_buf outside_;
  void (*body_)(int) = nullptr;
  int current_ = 0;
};

}  // namespace convoy::cuda::emulator
