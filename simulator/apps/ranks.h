/// Real runs on several ranks: how convoy-train is started for them.
#pragma once

#include <string>
#include <vector>

namespace convoy {

struct Command {
  std::string program;  ///< for become() and run_and_read()
  std::vector<std::string> arguments;
};

/// convoy-train with these arguments: by itself, or, with "--transport mpi" among them, by the program that starts the processes
/// of the MPI it was built with, on as many ranks as "--ranks" says. What convoy-train will refuse goes to it directly. An
/// InputError says what to install when there is no such program.
Command command_for(const std::vector<std::string>& arguments);

}  // namespace convoy
