#include "reference/exec/mpi/supervisor.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>

#include "reference/core/error.h"

namespace convoy {
namespace {

constexpr std::array kForwarded{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
/// The others look every 0.2 s whether a process has ended, and take 0.2 s to speak and abort.
constexpr timespec kLinger{2, 0};

RankNote own_note;
RankNote* note = &own_note;

/// ", communicating in iteration 2, op 1 (all_reduce), from rank 0, to rank 2"; empty outside of ops.
std::string words_of(const char* how, const RankNote::Doing& doing) {
  if (doing.iteration < 0) return {};
  std::string words =
      cat(", ", how, " in iteration ", doing.iteration.load(), ", op ", doing.op.load(), " (", doing.name.data(), ")");
  if (doing.sender >= 0) words += cat(", from rank ", doing.sender.load());
  if (doing.receiver >= 0) words += cat(", to rank ", doing.receiver.load());
  return words;
}

/// Our rank in the words of the process manager; nullptr when there is none.
const char* rank_from_environment() {
  for (const char* name : {"PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK"})
    if (const char* rank = std::getenv(name)) return rank;
  return nullptr;
}

/// Passes signals on until the child has ended, and leaves it a zombie, so that its number cannot become another process's.
/// Returns whether the signal that killed it, if one did, came from here.
bool forward_until_end(pid_t child, const sigset_t& awaited, siginfo_t& end) {
  sigset_t sent;
  sigemptyset(&sent);
  for (;;) {
    end = {};
    if (waitid(P_PID, static_cast<id_t>(child), &end, WEXITED | WNOWAIT | WNOHANG) != 0 || end.si_pid == child) break;
    const int signal = sigwaitinfo(&awaited, nullptr);
    if (signal <= 0 || signal == SIGCHLD) continue;
    sigaddset(&sent, signal);
    kill(child, signal);
  }
  return end.si_code != CLD_EXITED && sigismember(&sent, end.si_status) == 1;
}

/// The parent's part.
[[noreturn]] void supervise(pid_t child, const char* rank, const sigset_t& awaited) {
  siginfo_t end{};
  const bool on_demand = forward_until_end(child, awaited, end);
  if (end.si_code == CLD_EXITED) _exit(end.si_status);
  if (!on_demand) {
    std::fprintf(stderr, "rank %s was killed by signal %d (%s)%s%s\n", rank, end.si_status, strsignal(end.si_status),
                 words_of("computing", note->computing).c_str(), words_of("communicating", note->communicating).c_str());
    sigset_t forwarded = awaited;
    sigdelset(&forwarded, SIGCHLD);
    sigtimedwait(&forwarded, nullptr, &kLinger);  // whoever wants us to end need not wait
  }
  _exit(128 + end.si_status);
}

}  // namespace

void RankNote::Doing::begin(int its_iteration, int its_op, std::string_view its_name) {
  const std::size_t length = std::min(its_name.size(), name.size() - 1);
  std::copy_n(its_name.data(), length, name.data());
  name[length] = '\0';
  sender.store(-1, std::memory_order_relaxed);
  receiver.store(-1, std::memory_order_relaxed);
  op.store(its_op, std::memory_order_relaxed);
  iteration.store(its_iteration, std::memory_order_relaxed);
}

RankNote& rank_note() { return *note; }

void supervise_rank() {
  const char* rank = rank_from_environment();
  if (rank == nullptr) return;
  std::fflush(nullptr);
  void* shared = mmap(nullptr, sizeof(RankNote), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared != MAP_FAILED) note = new (shared) RankNote;  // else nothing is known about a rank but its end
  sigset_t awaited, before;
  sigemptyset(&awaited);
  sigaddset(&awaited, SIGCHLD);
  for (const int signal : kForwarded) sigaddset(&awaited, signal);
  // Blocked signals wait for the parent to take them, so none is lost on the way.
  sigprocmask(SIG_BLOCK, &awaited, &before);
  struct sigaction by_default {
  }, old{};
  by_default.sa_handler = SIG_DFL;  // where SIGCHLD is ignored, nothing can be learnt about a child
  sigaction(SIGCHLD, &by_default, &old);
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error(cat("rank ", rank, " cannot have a supervisor: fork: ", std::strerror(errno)));
  if (child > 0) supervise(child, rank, awaited);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(128 + SIGKILL);  // it ended before it was asked
  sigaction(SIGCHLD, &old, nullptr);
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace convoy
