/// fuzz_readers: breaks good files and gives them to the readers, which must refuse them with a sentence or read them, and never
/// crash, hang, or ask for absurd amounts of memory. Built with the address sanitizer by scripts/fuzz.
///
///   fuzz_readers [--target NAME] [--seconds S] [--seed N]     each reader for S seconds
///   fuzz_readers [--target NAME] --cases C [--seed N]         each reader with C files, the same on every machine
///   fuzz_readers --target NAME --seed N --iteration I         one case again, as a failure prints it
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>

#include "reference/core/error.h"
#include "tests/fuzz/mutate.h"
#include "tests/fuzz/targets.h"

/// The address sanitizer's settings: refuse single allocations of more than 1 GiB, as std::bad_alloc.
extern "C" const char* __asan_default_options() {  // NOLINT: the sanitizer's name
  return "max_allocation_size_mb=1024:allocator_may_return_null=1:detect_leaks=0";
}

namespace {

using namespace convoy;
using namespace convoy::fuzz;

constexpr unsigned kMostSecondsAnInput = 20;
constexpr std::uint64_t kAll = ~std::uint64_t{0};

struct Options {
  std::string target;
  double seconds = 3;
  std::uint64_t cases = 0;  ///< 0: by seconds
  std::uint64_t seed = 1;
  std::uint64_t iteration = kAll;
};

/// What the child has done, in memory that the parent sees.
struct Progress {
  std::uint64_t iteration;
  std::uint64_t read;
  std::uint64_t refused;
};

/// Whether a message says "fuzzed-file:3:7" or "fuzzed-file, line 3, column 7".
bool says_where(const std::string& message) {
  unsigned line = 0;
  unsigned column = 0;
  if (const std::size_t at = message.find(cat(kFileName, ", line ")); at != std::string::npos)
    return std::sscanf(message.c_str() + at + std::strlen(kFileName), ", line %u, column %u", &line, &column) == 2;
  const std::size_t at = message.find(cat(kFileName, ":"));
  return at != std::string::npos && std::sscanf(message.c_str() + at + std::strlen(kFileName), ":%u:%u", &line, &column) == 2;
}

/// A sentence when the reader did something wrong with this file.
std::optional<std::string> judged(const Target& target, const std::string& bytes, Progress& progress) {
  try {
    target.read(bytes);
    ++progress.read;
    return {};
  } catch (const InputError& error) {
    const std::string message = error.what();
    ++progress.refused;
    if (message.find(kFileName) == std::string::npos) return "the message does not name the file: " + message;
    if (target.says_where && !says_where(message)) return "the message has no line and column: " + message;
    return {};
  } catch (const std::exception& error) {
    return cat("it threw something else than an InputError: ", error.what());
  }
}

/// The child: returns 0 when no case went wrong.
int run_cases(const Target& target, const Options& options, Progress& progress) {
  const std::vector<std::string> good = target.good();
  for (const std::string& bytes : good) {
    progress.iteration = kAll;
    const std::uint64_t before = progress.refused;
    const auto wrong = judged(target, bytes, progress);
    if (wrong || progress.refused != before) {
      std::printf("fuzz: %s refuses one of its good files%s%s\n", std::string(target.name).c_str(), wrong ? ": " : "",
                  wrong ? wrong->c_str() : "");
      return 1;
    }
  }
  const auto begin = std::chrono::steady_clock::now();
  const bool once = options.iteration != kAll;
  for (std::uint64_t i = once ? options.iteration : 0;; ++i) {
    progress.iteration = i;
    alarm(kMostSecondsAnInput);  // its signal ends the child
    const auto wrong = judged(target, mutated(good, options.seed, i), progress);
    if (wrong) {
      std::printf("fuzz: %s\n", wrong->c_str());
      return 1;
    }
    if (once || i + 1 == options.cases) return 0;
    if (options.cases == 0 && std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() >= options.seconds)
      return 0;
  }
}

/// Writes the file that the reader could not take, and says how to see it again.
void report(const Target& target, const Options& options, const Progress& progress, int status) {
  const std::string name(target.name);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
    std::printf("fuzz: %s needed more than %u seconds\n", name.c_str(), kMostSecondsAnInput);
  else if (WIFSIGNALED(status))
    std::printf("fuzz: %s crashed with signal %d\n", name.c_str(), WTERMSIG(status));
  if (progress.iteration == kAll) return;
  const std::string path = cat("fuzz-", name, "-", options.seed, "-", progress.iteration);
  std::ofstream(path, std::ios::binary) << mutated(target.good(), options.seed, progress.iteration);
  std::printf("fuzz: FAILED: the file is %s; again: fuzz_readers --target %s --seed %llu --iteration %llu\n", path.c_str(),
              name.c_str(), static_cast<unsigned long long>(options.seed), static_cast<unsigned long long>(progress.iteration));
}

bool run_target(const Target& target, const Options& options) {
  void* shared = mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) throw std::runtime_error("mmap failed");
  auto& progress = *static_cast<Progress*>(shared);
  progress = {kAll, 0, 0};
  std::fflush(stdout);
  const pid_t child = fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    const int result = run_cases(target, options, progress);
    std::fflush(stdout);
    _exit(result);
  }
  int status = 0;
  waitpid(child, &status, 0);
  const bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  if (!good) report(target, options, progress, status);
  std::printf("%-16s %10llu read %10llu refused   %s\n", std::string(target.name).c_str(),
              static_cast<unsigned long long>(progress.read), static_cast<unsigned long long>(progress.refused),
              good ? "ok" : "FAILED");
  munmap(shared, sizeof(Progress));
  return good;
}

Options options_of(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; i += 2) {
    const std::string name = argv[i];
    if (i + 1 == argc) throw InputError(cat(name, " needs a value; see the top of tests/fuzz/main.cpp"));
    const std::string value = argv[i + 1];
    if (name == "--target")
      options.target = value;
    else if (name == "--seconds")
      options.seconds = std::stod(value);
    else if (name == "--cases")
      options.cases = std::stoull(value);
    else if (name == "--seed")
      options.seed = std::stoull(value);
    else if (name == "--iteration")
      options.iteration = std::stoull(value);
    else
      throw InputError(cat("unknown option ", name, "; there are --target, --seconds, --cases, --seed and --iteration"));
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Options options = options_of(argc, argv);
    bool known = options.target.empty();
    bool good = true;
    for (const Target& target : targets()) {
      if (!options.target.empty() && target.name != options.target) continue;
      known = true;
      good = run_target(target, options) && good;
    }
    std::vector<std::string> names;
    for (const Target& target : targets()) names.emplace_back(target.name);
    if (!known) throw_unknown_word("target", options.target, names);
    return good ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fuzz: %s\n", error.what());
    return 2;
  }
}
