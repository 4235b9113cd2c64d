/// Waiting: what a thread does between two looks at something that has not happened yet.
#pragma once

#include <sched.h>
#include <time.h>

namespace convoy {

/// Looks often at first, because most answers come within microseconds; then lets others have the core after each look; then
/// sleeps between looks, so that a wait of milliseconds costs next to nothing. With more threads than cores whoever waits takes
/// time from whoever is waited for, so a crowded machine gets its core back at once.
class BackOff {
 public:
  void reset() { looks_ = 0; }
  /// Whether waiting has come to sleeping.
  [[nodiscard]] bool is_patient() const { return sleeps_; }
  /// Between two looks. `crowded`: other threads want this core.
  void pause(bool crowded) {
    const int spins = crowded ? 20 : 2000, yields = crowded ? 20 : 200;
    ++looks_;
    sleeps_ = looks_ > spins + yields;
    if (sleeps_) {
      const timespec pause{0, kSleep_ns};
      nanosleep(&pause, nullptr);
    } else if (looks_ > spins) {
      sched_yield();
    }
  }

  static constexpr long kSleep_ns = 50'000;
  static constexpr double kLook_s = 0.2;  ///< between two looks at whether those waited for are still there

 private:
  int looks_ = 0;  ///< since something moved
  bool sleeps_ = false;
};

}  // namespace convoy
