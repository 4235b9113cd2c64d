/// Facts about this program and the machine it runs on, for the headers of results.
#pragma once

#include <cstdint>
#include <string>

namespace convoy {

std::string tool_version();  ///< "0.1.0"
std::string today();         ///< "2026-01-31T12:00:00Z", coordinated universal time

struct Host {
  std::string cpu_model;
  int cores = 1;                  ///< that this process may use
  std::int64_t memory_bytes = 0;  ///< of the machine
};
Host this_host();

/// A command line as a person would type it: arguments with blanks in quotes, the program without its folder.
std::string command_line(int argc, const char* const* argv);

}  // namespace convoy
