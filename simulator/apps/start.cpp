#include "simulator/apps/start.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "reference/core/error.h"

namespace convoy {
namespace {

std::string require_program(const std::string& name) {
  std::string path = find_program(name);
  if (path.empty()) {
    throw InputError(cat("the program ", name,
                         " is neither beside convoy nor in a folder of $PATH; build it with 'cmake --build BUILD "
                         "--target ",
                         name, "' or install Convoy again"));
  }
  return path;
}

std::runtime_error system_error(const std::string& what, int code) {
  return std::runtime_error(cat(what, ": ", std::strerror(code)));
}

/// Lets the other program call itself by the name that the person typed, in its help and its messages.
void say_what_was_typed() {
  if (setenv("CONVOY_TYPED_AS", "convoy", 1) != 0) throw system_error("setting CONVOY_TYPED_AS", errno);
}

/// The form that exec and spawn want; points into `arguments`.
std::vector<char*> argv_of(const std::string& path, std::vector<std::string>& arguments) {
  arguments.insert(arguments.begin(), path);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  return argv;
}

std::string read_all(int descriptor) {
  std::string text;
  std::array<char, 1 << 14> part{};
  for (;;) {
    const ssize_t count = read(descriptor, part.data(), part.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) throw system_error("reading from a program", errno);
    if (count == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(count));
  }
}

int wait_for(pid_t process) {
  int status = 0;
  while (waitpid(process, &status, 0) < 0)
    if (errno != EINTR) throw system_error("waiting for a program", errno);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

std::string find_program(const std::string& name) {
  std::error_code failed;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", failed);
  std::vector<std::filesystem::path> folders;
  if (!failed) folders.push_back(self.parent_path());
  const char* path = std::getenv("PATH");
  std::istringstream list(path != nullptr ? path : "");
  for (std::string folder; std::getline(list, folder, ':');) folders.emplace_back(folder.empty() ? "." : folder);
  for (const std::filesystem::path& folder : folders) {
    const std::filesystem::path candidate = folder / name;
    if (std::filesystem::is_regular_file(candidate, failed) && access(candidate.c_str(), X_OK) == 0) return candidate.string();
  }
  return "";
}

void become(const std::string& program, const std::vector<std::string>& arguments) {
  const std::string path = require_program(program);
  say_what_was_typed();
  std::vector<std::string> words = arguments;
  const std::vector<char*> argv = argv_of(path, words);
  std::fflush(nullptr);
  execv(path.c_str(), argv.data());
  throw system_error("cannot start " + path, errno);
}

Finished run_and_read(const std::string& program, const std::vector<std::string>& arguments) {
  const std::string path = require_program(program);
  say_what_was_typed();
  std::vector<std::string> words = arguments;
  const std::vector<char*> argv = argv_of(path, words);
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) throw system_error("making a pipe", errno);
  std::fflush(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  pid_t process = 0;
  const int failure = posix_spawn(&process, path.c_str(), &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  if (failure != 0) {
    close(ends[0]);
    throw system_error("cannot start " + path, failure);
  }
  Finished finished;
  finished.output = read_all(ends[0]);
  close(ends[0]);
  finished.exit_code = wait_for(process);
  return finished;
}

}  // namespace convoy
