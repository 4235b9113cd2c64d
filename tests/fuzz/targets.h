/// Targets: the readers of files that people write or that come from elsewhere, each with good files to break.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace convoy::fuzz {

/// What every message must name.
inline constexpr const char* kFileName = "fuzzed-file";

/// One reader.
struct Target {
  std::string_view name;
  /// Good files; the reader accepts each as it is.
  std::vector<std::string> (*good)();
  /// Reads the bytes. Throws an InputError for what it refuses; anything else that it throws is a mistake of the reader.
  /// Throws std::logic_error when what it accepted makes no sense.
  void (*read)(const std::string& bytes);
  bool says_where = false;  ///< messages must have line and column behind the name of the file: "fuzzed-file:3:7"
};

/// One row a reader. To fuzz another one, add it here.
std::span<const Target> targets();

}  // namespace convoy::fuzz
