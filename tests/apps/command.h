/// Running the built programs as a person would, with what they print and return.
#pragma once

#include <string>

namespace convoy::command {

struct Result {
  int exit_code = -1;
  std::string out;
  std::string err;
};

/// Runs "convoy <arguments>" by a shell in a folder of this test's own.
Result run(const std::string& arguments);
/// The same with convoy-train.
Result run_train(const std::string& arguments);
/// The same for any line of the shell.
Result run_line(const std::string& line);
/// Copies the built convoy into a folder of its own, beside a convoy-train that is this shell script, and runs it.
Result run_beside(const std::string& script, const std::string& arguments);
/// A file in that folder: its path, and its contents ("" when it is not there).
std::string path(const std::string& name);
std::string read(const std::string& name);
void write(const std::string& name, const std::string& text);
/// Whether a program was built beside convoy.
bool built(const std::string& program);

}  // namespace convoy::command
