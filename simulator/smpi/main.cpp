/// convoy-train-smpi: convoy-train's training with MPI simulated. Real numbers, on the clock of a simulated cluster.
#include <algorithm>
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "reference/core/processor.h"
#include "reference/io/cli.h"
#include "simulator/smpi/launch.h"

namespace {

using namespace convoy;

bool asks_for_help(const std::vector<std::string>& words) {
  return words.size() < 2 ||
         std::any_of(words.begin(), words.end(), [](const std::string& word) { return word == "--help" || word == "-h"; });
}

int start_ranks(std::vector<std::string> words) {
  const auto program_of = [&](int rank) { return run_rank(rank, words); };
  if (asks_for_help(words)) return run_ranks({.cluster = load_cluster("ring-test"), .topology = {}}, program_of);
  const SimulatedMachineSettings machine = read_machine(words);
  return run_ranks(machine, program_of);
}

}  // namespace

int main(int argc, char** argv) {
  convoy::require_processor();
  convoy::occupy_standard_descriptors();
  std::vector<std::string> words(argv, argv + argc);
  words.front() = convoy::program_name();
  try {
    return start_ranks(words);
  } catch (const convoy::InputError& error) {
    std::fprintf(stderr, "%s: %s\n", words.front().c_str(), error.what());
    return convoy::kExitInput;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: internal error: %s\n", words.front().c_str(), error.what());
    return convoy::kExitInternal;
  }
}
