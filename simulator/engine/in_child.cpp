#include "simulator/engine/in_child.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <utility>
#include <vector>

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

/// A child that works, and the end of the pipe through which it answers.
struct Child {
  pid_t process = 0;
  int pipe = -1;
  std::size_t number = 0;
  std::string answer = {};
};

Child start(std::size_t number, const std::function<std::string()>& work) {
  // SimGrid flushes the child's standard streams; what the parent has written must not be in them.
  std::fflush(nullptr);
  std::cout.flush();
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) throw std::runtime_error(cat("cannot make a pipe: ", std::strerror(errno)));
  const pid_t process = fork();
  if (process < 0) {
    const int reason = errno;
    close(ends[0]);
    close(ends[1]);
    throw std::runtime_error(cat("cannot start a process for the simulation: ", std::strerror(reason)));
  }
  if (process == 0) {
    close(ends[0]);
    reset_signals();
    write_all(ends[1], answer_of(work) + char{kEnd});
    _exit(0);  // no exit handlers, no flushing of what the parent will flush too
  }
  close(ends[1]);
  return {process, ends[0], number};
}

/// The result of a child that has answered all it will; throws what it threw.
std::string finish(Child& child) {
  close(child.pipe);
  const std::string end = end_of(child.process);
  std::string answer = std::move(child.answer);
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

/// Reads what children have to say; moves one that has nothing more to say to the end, and returns whether there is one.
bool listen(std::vector<Child>& children) {
  std::vector<pollfd> waiting;
  for (const Child& child : children) waiting.push_back({child.pipe, POLLIN, 0});
  if (poll(waiting.data(), waiting.size(), -1) < 0 && errno != EINTR)
    throw std::runtime_error(cat("cannot wait for the simulations: ", std::strerror(errno)));
  std::array<char, 1 << 16> buffer{};
  for (std::size_t i = 0; i < children.size(); ++i) {
    if (waiting[i].revents == 0) continue;
    const ssize_t n = read(children[i].pipe, buffer.data(), buffer.size());
    if (n > 0) children[i].answer.append(buffer.data(), static_cast<std::size_t>(n));
    if (n > 0 || (n < 0 && errno == EINTR)) continue;
    std::swap(children[i], children.back());
    return true;
  }
  return false;
}

/// Ends children whose answers nobody wants any more.
void end_all(std::vector<Child>& children) {
  for (const Child& child : children) {
    kill(child.process, SIGKILL);
    close(child.pipe);
    end_of(child.process);
  }
  children.clear();
}

}  // namespace

void in_children(int jobs, std::size_t count, const std::function<std::string(std::size_t)>& work,
                 const std::function<void(std::size_t, const std::string&)>& done) {
  std::vector<Child> children;
  std::size_t next = 0;
  try {
    while (next < count || !children.empty()) {
      while (next < count && std::ssize(children) < jobs) {
        children.push_back(start(next, [&] { return work(next); }));
        ++next;
      }
      if (!listen(children)) continue;
      Child child = std::move(children.back());
      children.pop_back();
      done(child.number, finish(child));
    }
  } catch (...) {
    end_all(children);
    throw;
  }
}

std::string in_child(const std::function<std::string()>& work) {
  std::string result;
  in_children(
      1, 1, [&](std::size_t) { return work(); }, [&](std::size_t, const std::string& answer) { result = answer; });
  return result;
}

}  // namespace convoy
