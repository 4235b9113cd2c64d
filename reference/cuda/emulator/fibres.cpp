// glibc's checked longjmp takes another stack for a mistake.
#undef _FORTIFY_SOURCE
#include "reference/cuda/emulator/fibres.h"

#include <sys/mman.h>
#include <ucontext.h>

#include <new>

#include "reference/cuda/emulator/emulator.h"

namespace convoy::cuda::emulator {
namespace {

thread_local Fibres* entering = nullptr;  ///< makecontext hands over nothing but ints
thread_local ucontext_t outside_context;

}  // namespace

Fibres::~Fibres() {
  if (memory_ != nullptr) munmap(memory_, kMostThreads * kStack_bytes);
}

void Fibres::enter() {
  Fibres& fibres = *entering;
  for (;;) {
    const int index = fibres.current_;
    fibres.body_(index);
    fibres.states_[static_cast<std::size_t>(index)].ended = true;
    fibres.stop();  // resumed for the next block, it begins again
  }
}

void Fibres::begin(int count, void (*body)(int)) {
  if (memory_ == nullptr) {
    void* memory = mmap(nullptr, kMostThreads * kStack_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    memory_ = static_cast<std::byte*>(memory);
    states_.resize(kMostThreads);
  }
  body_ = body;
  for (int i = 0; i < count; ++i) {
    State& state = states_[static_cast<std::size_t>(i)];
    state.fresh = !state.made || !state.ended;  // one left in the middle of a body is made anew
    state.ended = false;
  }
}

void Fibres::resume(int index) {
  State& state = states_[static_cast<std::size_t>(index)];
  current_ = index;
  if (_setjmp(outside_) != 0) return;
  if (!state.fresh) _longjmp(state.at, 1);
  state.fresh = false;
  state.made = true;
  entering = this;
  ucontext_t context;
  getcontext(&context);
  context.uc_stack.ss_sp = memory_ + static_cast<std::size_t>(index) * kStack_bytes;
  context.uc_stack.ss_size = kStack_bytes;
  context.uc_link = nullptr;
  makecontext(&context, &Fibres::enter, 0);
  swapcontext(&outside_context, &context);
}

void Fibres::stop() {
  if (_setjmp(states_[static_cast<std::size_t>(current_)].at) != 0) return;
  _longjmp(outside_, 1);
}

}  // namespace convoy::cuda::emulator
