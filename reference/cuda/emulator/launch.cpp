// How a launch runs: blocks one after the other, warps of a block in turn, lanes of a warp one after the other.
#include <algorithm>
#include <pthread.h>

#include "reference/core/error.h"
#include "reference/cuda/emulator/device.h"
#include "reference/cuda/emulator/session.h"

namespace convoy::cuda::emulator {

Session& session() {
  thread_local Session one;
  return one;
}

void Session::body(int) {
  Session& s = session();
  s.thread_(s.argument_);
  Thread& me = s.threads_[static_cast<std::size_t>(s.current_)];
  if (!me.multiplications.empty())
    s.note(Fault::barrier, me.multiplications.front().asked.place, s.who("asks") + " for a multiplication and ends without waiting for it");
  me.multiplications.clear();
  me.doing = Doing::over;
}

void Session::launch(const std::string& kernel, Extent grid, Extent block, void (*thread)(void*), void* argument) {
  require(block.count() >= 1 && block.count() <= kMostThreads, "emulator::launch", kernel, ": a block of ", block.count(),
          " threads; from 1 to ", kMostThreads, " can be in one");
  require(!inside_, "emulator::launch", kernel, ": launched from inside of a kernel");
  grid_ = grid;
  block_ = block;
  count_ = static_cast<int>(block.count());
  thread_ = thread;
  argument_ = argument;
  abandoned_ = false;
  host_stack_ = reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0));
  if (std::find(kernels_.begin(), kernels_.end(), kernel) == kernels_.end()) kernels_.push_back(kernel);
  for (int i = 0; i < count_; ++i) {
    const auto at = static_cast<unsigned>(i);
    threads_[at].index = {at % block.x, at / block.x % block.y, at / block.x / block.y};
  }
  launch_block_ = block_number_ + 1;
  for (unsigned z = 0; z < grid.z && !abandoned_; ++z)
    for (unsigned y = 0; y < grid.y && !abandoned_; ++y)
      for (unsigned x = 0; x < grid.x && !abandoned_; ++x) {
        block_index_ = {x, y, z};
        run_block();
      }
}

void Session::run_block() {
  ++block_number_;
  ++interval_;
  warp_interval_.fill(0);
  for (int i = 0; i < count_; ++i) {
    Thread& thread = threads_[static_cast<std::size_t>(i)];
    thread.doing = Doing::running;
    thread.multiplications.clear();
    thread.publishes.clear();
  }
  fibres_.begin(count_, &Session::body);
  const int warps = (count_ + kWarp - 1) / kWarp;
  for (;;) {
    for (int warp = 0; warp < warps && !abandoned_; ++warp) run_warp(warp);
    if (abandoned_) return;
    const bool over = std::all_of(threads_.begin(), threads_.begin() + count_, [](const Thread& t) { return t.doing == Doing::over; });
    if (over) return;
    release_block();
  }
}

int Session::threads_of_warp(int warp) const { return std::min(kWarp, count_ - warp * kWarp); }

void Session::run_warp(int warp) {
  do {
    for (int lane = 0; lane < threads_of_warp(warp); ++lane) {
      current_ = warp * kWarp + lane;
      if (threads_[static_cast<std::size_t>(current_)].doing != Doing::running) continue;
      inside_ = true;
      fibres_.resume(current_);
      inside_ = false;
      if (abandoned_) return;
    }
  } while (release_warp(warp));
  requests_.flush(counts_);
}

/// Lets go on who waits for lanes that all have come. Returns whether any thread of the warp can go on.
bool Session::release_warp(int warp) {
  Thread* lanes = &threads_[static_cast<std::size_t>(warp * kWarp)];
  const int count = threads_of_warp(warp);
  const unsigned all = count == kWarp ? kAllLanes : (1U << count) - 1;
  bool waits = false;
  for (int lane = 0; lane < count; ++lane) {
    if (lanes[lane].doing != Doing::at_warp) continue;
    const unsigned mask = lanes[lane].mask & all;
    bool complete = true;
    for (int other = 0; other < count; ++other)
      if ((mask >> other & 1U) != 0)
        complete = complete && lanes[other].doing == Doing::at_warp && (lanes[other].mask & all) == mask;
    if (!complete) {
      waits = true;
      continue;
    }
    ++warp_interval_[static_cast<std::size_t>(warp)];
    for (int to = 0; to < count; ++to) {
      if ((mask >> to & 1U) == 0) continue;
      for (int from = 0; from < count; ++from)
        lanes[to].got[static_cast<std::size_t>(from)] = (mask >> from & 1U) != 0 ? lanes[from].gives : lanes[to].gives;
    }
    for (int to = 0; to < count; ++to)
      if ((mask >> to & 1U) != 0) lanes[to].doing = Doing::running;
    return true;
  }
  if (waits) give_up_warp(warp);
  return waits;
}

/// Lanes wait for others that will never come: says so, and lets them go on without.
void Session::give_up_warp(int warp) {
  Thread* lanes = &threads_[static_cast<std::size_t>(warp * kWarp)];
  for (int lane = 0; lane < threads_of_warp(warp); ++lane) {
    Thread& waiting = lanes[lane];
    if (waiting.doing != Doing::at_warp) continue;
    int missing = 0;
    while (missing < threads_of_warp(warp) && ((waiting.mask >> missing & 1U) == 0 || lanes[missing].doing == Doing::at_warp)) ++missing;
    current_ = warp * kWarp + lane;
    if (missing < threads_of_warp(warp)) {
      const Thread& other = lanes[missing];
      note(Fault::barrier, waiting.place,
           cat(who("waits"), " for all lanes of its mask, but lane ", missing,
               other.doing == Doing::over ? " has ended" : " waits at the barrier at "),
           other.doing == Doing::over ? nullptr : other.place);
    } else {
      note(Fault::barrier, waiting.place, cat(who("waits"), " with another mask than lanes that it waits for"));
    }
    waiting.got.fill(waiting.gives);
    waiting.doing = Doing::running;
  }
}

/// All threads wait at a barrier or have ended. Not all at one barrier is a mistake, but hardware lets them go on.
void Session::release_block() {
  int waiting = 0;
  const void* place = nullptr;
  const void* other = nullptr;
  for (int i = 0; i < count_; ++i) {
    const Thread& thread = threads_[static_cast<std::size_t>(i)];
    if (thread.doing != Doing::at_barrier) continue;
    ++waiting;
    current_ = i;
    if (place == nullptr) place = thread.place;
    if (thread.place != place) other = thread.place;
  }
  const std::string block = cat("block (", block_index_.x, ",", block_index_.y, ",", block_index_.z, ")");
  if (waiting < count_)
    note(Fault::barrier, place,
         cat("only ", waiting, " of the ", count_, " threads of ", block, " come to this barrier; the others have ended"));
  else if (other != nullptr)
    note(Fault::barrier, place, cat("some threads of ", block, " wait at this barrier, and others at "), other);
  ++counts_.barriers;
  ++interval_;
  warp_interval_.fill(0);
  for (int i = 0; i < count_; ++i) {
    Thread& thread = threads_[static_cast<std::size_t>(i)];
    if (thread.doing == Doing::at_barrier) thread.doing = Doing::running;
  }
}

void Session::wait_for_block(const void* place) {
  Thread& thread = threads_[static_cast<std::size_t>(current_)];
  thread.doing = Doing::at_barrier;
  thread.place = place;
  fibres_.stop();
}

void Session::wait_for_warp(unsigned mask, std::uint64_t gives, const void* place) {
  Thread& thread = threads_[static_cast<std::size_t>(current_)];
  thread.doing = Doing::at_warp;
  thread.place = place;
  thread.mask = mask;
  thread.gives = gives;
  fibres_.stop();
}

/// Ends the launch from inside of a fibre; what the fibres were doing is forgotten.
void Session::abandon() {
  abandoned_ = true;
  fibres_.stop();
}

}  // namespace convoy::cuda::emulator
