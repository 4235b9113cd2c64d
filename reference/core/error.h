/// Errors: who made the mistake decides the type, and the type decides the exit code of a program.
///
///   std::invalid_argument   a caller broke a function's contract                exit 1 (a bug of ours)
///   InputError              a person's file, option or value cannot be used      exit 2
///   LimitError              the request runs, but breaks a stated limit          exit 3
///   anything else           an internal failure                                  exit 1
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

/// Something a person typed or wrote is wrong. The message says what, where, why and what to type instead.
class InputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What was asked for can be described and simulated but breaks a limit, for example the memory of a device.
class LimitError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// The arguments written one after the other, as by operator<<.
template <class... Parts>
std::string cat(const Parts&... parts) {
  std::ostringstream out;
  out.precision(10);
  (out << ... << parts);
  return out.str();
}

/// Throws std::invalid_argument("[where] message") unless the condition holds.
template <class... Parts>
void require(bool condition, std::string_view where, const Parts&... message) {
  if (!condition) throw std::invalid_argument(cat("[", where, "] ", message...));
}

/// The word of `known` that `word` was most likely meant to be, or "" when none is near.
/// Near: at most a third of the letters inserted, deleted, replaced or swapped with a neighbour (at least one may be).
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

/// An InputError: "unknown <what> 'word'; did you mean 'x'? Known: a, b, c".
[[noreturn]] void throw_unknown_word(std::string_view what, std::string_view word, const std::vector<std::string>& known);

}  // namespace convoy
