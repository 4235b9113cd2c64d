#include "simulator/engine/in_child.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// First byte of what comes through the pipe: the result, or the type of what was thrown. The last byte of a whole answer is
/// kEnd.
enum Answer : char { kResult = 'R', kInputError = 'I', kLimitError = 'L', kInvalidArgument = 'A', kOtherError = 'E', kEnd = '.' };

std::string answer_of(const std::function<std::string()>& work) {
  try {
    return char{kResult} + work();
  } catch (const InputError& error) {
    return char{kInputError} + std::string(error.what());
  } catch (const LimitError& error) {
    return char{kLimitError} + std::string(error.what());
  } catch (const std::invalid_argument& error) {
    return char{kInvalidArgument} + std::string(error.what());
  } catch (const std::exception& error) {
    return char{kOtherError} + std::string(error.what());
  } catch (...) {
    return char{kOtherError} + std::string("something that is no std::exception was thrown");
  }
}

void write_all(int file, const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t n = write(file, text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) _exit(1);  // nobody listens any more
    written += static_cast<std::size_t>(n);
  }
}

std::string read_all(int file) {
  std::string text;
  std::array<char, 1 << 16> buffer{};
  for (;;) {
    const ssize_t n = read(file, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

/// The child dies of its signals instead of running what the parent installed for its own.
void reset_signals() {
  for (const int number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGINT, SIGTERM}) std::signal(number, SIG_DFL);
}

/// Waits until the child has ended, and says how.
std::string end_of(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0)
    if (errno != EINTR) return "it cannot be waited for";
  if (WIFSIGNALED(status)) return cat("it was ended by signal ", WTERMSIG(status), " (", strsignal(WTERMSIG(status)), ")");
  return cat("it ended with status ", WEXITSTATUS(status));
}

}  // namespace

std::string in_child(const std::function<std::string()>& work) {
  // SimGrid flushes the child's standard streams; what the parent has written must not be in them.
  std::fflush(nullptr);
  std::cout.flush();
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) throw std::runtime_error(cat("cannot make a pipe: ", std::strerror(errno)));
  const pid_t child = fork();
  if (child < 0) {
    const int reason = errno;
    close(ends[0]);
    close(ends[1]);
    throw std::runtime_error(cat("cannot start a process for the simulation: ", std::strerror(reason)));
  }
  if (child == 0) {
    close(ends[0]);
    reset_signals();
    write_all(ends[1], answer_of(work) + char{kEnd});
    _exit(0);  // no exit handlers, no flushing of what the parent will flush too
  }
  close(ends[1]);
  std::string answer = read_all(ends[0]);
  close(ends[0]);
  const std::string end = end_of(child);
  if (answer.size() < 2 || answer.back() != kEnd)
    throw std::runtime_error(cat("the simulation's process gave no whole answer: ", end));
  const char kind = answer.front();
  answer.pop_back();
  answer.erase(0, 1);
  switch (kind) {
    case kResult: return answer;
    case kInputError: throw InputError(answer);
    case kLimitError: throw LimitError(answer);
    case kInvalidArgument: throw std::invalid_argument(answer);
    default: throw std::runtime_error(answer);
  }
}

}  // namespace convoy
