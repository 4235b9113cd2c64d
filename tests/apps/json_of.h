/// What tests of verbs ask of what a program printed.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tests/apps/command.h"
#include "tests/catch.h"

namespace convoy::command {

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// What a line of convoy writes with --json; it must end with 0.
inline nlohmann::json json_of(const std::string& line) {
  const Result result = run(line + " --json -");
  INFO(line);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return nlohmann::json::parse(result.out);
}

}  // namespace convoy::command
