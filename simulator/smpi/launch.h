/// What convoy-train-smpi adds to the options of training: the machine that ranks run on, which has to be known before there are
/// any.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "simulator/smpi/ranks.h"

namespace convoy {

/// The name that errors begin with: what the person typed.
std::string program_name();

/// The machine that a command line asks for. `words`: the command line; gets "--transport smpi" where that was left out.
/// `started`: how many ranks there are already; nothing: as many as the command line says. Throws InputError for what is wrong
/// with the options that it reads; what is wrong with others, a rank says.
SimulatedMachineSettings read_machine(std::vector<std::string>& words, std::optional<int> started);

/// The command line of one rank: trains. Returns its exit code.
int run_rank(int rank, std::vector<std::string> words);

}  // namespace convoy
