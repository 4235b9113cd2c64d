/// Starting the other programs of Convoy. convoy links SimGrid and never MPI, convoy-train the other way round, so what runs for
/// real is another process.
#pragma once

#include <string>
#include <vector>

namespace convoy {

/// The program beside this one, else the first in a folder of $PATH; "" when there is none.
std::string find_program(const std::string& name);

/// Turns this process into another program, found as above: stdio and exit code are the other's. An InputError says how to get
/// the program when it is not there.
[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments);

struct Finished {
  int exit_code = 0;   ///< 128 + the signal when one ended it
  std::string output;  ///< of stdout; stdin and stderr are shared
};
/// Runs another program, found as above, to its end.
Finished run_and_read(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace convoy
