/// convoy-train-smpi: convoy-train's training with MPI simulated. Real numbers, on the clock of a simulated cluster.
///
///     convoy-train-smpi train --cluster NAME --ranks N ...              the platform is that of the cluster
///     smpirun -np N -platform FILE -hostfile FILE convoy-train-smpi.so train --cluster NAME ...
#include <algorithm>
#include <memory>
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
  const SimulatedMachineSettings machine = read_machine(words, std::nullopt);
  return run_ranks(machine, program_of);
}

/// As one rank of smpirun's.
int be_rank(std::vector<std::string> words) {
  // All ranks share it, or each has one, as smpirun copies the globals of this program or does not.
  static std::unique_ptr<SimulatedRanks> all;
  const int rank = smpirun_rank();
  if (asks_for_help(words)) return rank == 0 ? run_rank(rank, words) : 0;  // of --help SimGrid shows its own
  take_no_time();
  const SimulatedMachineSettings machine = read_machine(words, smpirun_ranks());
  if (all == nullptr) all = std::make_unique<SimulatedRanks>(machine);
  return all->run(rank, [&] { return run_rank(rank, words); });
}

/// Whether this rank is the one that says what all of them find.
bool speaks() { return !started_by_smpirun() || smpirun_rank() == 0; }

}  // namespace

int main(int argc, char** argv) {
  convoy::require_processor();
  convoy::occupy_standard_descriptors();
  std::vector<std::string> words(argv, argv + argc);
  words.front() = convoy::program_name();
  try {
    return convoy::started_by_smpirun() ? be_rank(words) : start_ranks(words);
  } catch (const convoy::InputError& error) {
    if (speaks()) std::fprintf(stderr, "%s: %s\n", words.front().c_str(), error.what());
    return convoy::kExitInput;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s: internal error: %s\n", words.front().c_str(), error.what());
    return convoy::kExitInternal;
  }
}
