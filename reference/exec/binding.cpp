#include "reference/exec/binding.h"

#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include <cstddef>
#include <cstdint>
#include <vector>

namespace convoy {

#ifdef __linux__

namespace {

/// The cores of the main thread. It is asked for them before anything is bound, itself included.
std::vector<std::size_t> cores_of_main_thread() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<std::size_t> cores;
  if (sched_getaffinity(getpid(), sizeof set, &set) != 0) return cores;
  for (std::size_t core = 0; core < CPU_SETSIZE; ++core)
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  return cores;
}

const std::vector<std::size_t>& usable_cores() {
  static const std::vector<std::size_t> cores = cores_of_main_thread();
  return cores;
}

}  // namespace

bool bind_to_cores(int rank, int ranks, int cores_per_rank) {
  const std::vector<std::size_t>& cores = usable_cores();
  if (cores.size() < static_cast<std::size_t>(ranks) * static_cast<std::size_t>(cores_per_rank)) return false;
  cpu_set_t mine;
  CPU_ZERO(&mine);
  for (int i = 0; i < cores_per_rank; ++i) CPU_SET(cores[static_cast<std::size_t>(rank * cores_per_rank + i)], &mine);
  return pthread_setaffinity_np(pthread_self(), sizeof mine, &mine) == 0;
}

void unbind() {
  cpu_set_t all;
  CPU_ZERO(&all);
  for (const std::size_t core : usable_cores()) CPU_SET(core, &all);
  if (!usable_cores().empty()) (void)pthread_setaffinity_np(pthread_self(), sizeof all, &all);
}

int usable_core_count() { return static_cast<int>(usable_cores().size()); }

void ask_for_short_turns() {
  // struct sched_attr of sched(7), which the C library of Debian 12 does not declare.
  struct {
    std::uint32_t size = 48;
    std::uint32_t policy = SCHED_OTHER;
    std::uint64_t flags = 0;
    std::int32_t nice = 0;
    std::uint32_t priority = 0;
    std::uint64_t runtime_ns = 100'000;  // the shortest turn there is
    std::uint64_t deadline_ns = 0;
    std::uint64_t period_ns = 0;
  } wish;
  wish.nice = getpriority(PRIO_PROCESS, 0);
  (void)syscall(SYS_sched_setattr, 0, &wish, 0U);
}

void ask_to_go_first() {
  sched_param param{};
  param.sched_priority = sched_get_priority_min(SCHED_RR);
  if (pthread_setschedparam(pthread_self(), SCHED_RR | SCHED_RESET_ON_FORK, &param) != 0) ask_for_short_turns();
}

#else

bool bind_to_cores(int, int, int) { return false; }
void unbind() {}
int usable_core_count() { return 0; }
void ask_for_short_turns() {}
void ask_to_go_first() {}

#endif

}  // namespace convoy
