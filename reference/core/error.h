/// Errors: who made the mistake decides the type, and the type decides the exit code of a program.
///
///   std::invalid_argument   a caller broke a function's contract                exit 1 (a bug of ours)
///   InputError              a person's file, option or value cannot be used      exit 2
///   LimitError              the request runs, but breaks a stated limit          exit 3
///   anything else           an internal failure                                  exit 1
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
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

/// An argument of cat(): text or a number, to be copied at once and not kept. Taking them so, and not each by a stream of its own,
/// makes the hundreds of messages of this program cheap to compile.
class Printable {
 public:
  // NOLINTBEGIN(google-explicit-constructor)
  Printable(std::string_view text) : kind_(Kind::text), text_(text) {}
  Printable(const std::string& text) : kind_(Kind::text), text_(text) {}
  Printable(const char* text) : kind_(Kind::text), text_(text) {}
  Printable(char character) : kind_(Kind::character), character_(character) {}
  Printable(std::signed_integral auto number) : kind_(Kind::integer), integer_(number) {}
  Printable(std::unsigned_integral auto number) : kind_(Kind::natural), natural_(number) {}
  Printable(double number) : kind_(Kind::real), real_(number) {}
  Printable(signed char) = delete;  ///< a number or a letter?
  Printable(unsigned char) = delete;
  // NOLINTEND(google-explicit-constructor)

  /// Appends it to `text`: numbers with fractions in up to ten digits, a truth value as 0 or 1.
  void append_to(std::string& text) const;

 private:
  enum class Kind : std::uint8_t { text, character, integer, natural, real };
  Kind kind_;
  union {
    std::string_view text_;
    char character_;
    std::int64_t integer_;
    std::uint64_t natural_;
    double real_;
  };
};

/// What cat() and require() do with their arguments.
std::string joined(std::initializer_list<Printable> parts);
[[noreturn]] void throw_broken_contract(std::string_view where, std::initializer_list<Printable> message);

/// The arguments (texts, characters, numbers) written one after the other.
template <class... Parts>
std::string cat(const Parts&... parts) {
  return joined({Printable(parts)...});
}

/// Throws std::invalid_argument("[where] message") unless the condition holds.
template <class... Parts>
void require(bool condition, std::string_view where, const Parts&... message) {
  if (!condition) throw_broken_contract(where, {Printable(message)...});
}

/// The word of `known` that `word` was most likely meant to be, or "" when none is near.
/// Near: at most a third of the letters (or one) inserted, deleted, replaced or swapped; else the only one that begins with it.
std::string nearest_word(std::string_view word, const std::vector<std::string>& known);

/// An InputError: "unknown <what> 'word'; did you mean 'x'? Known: a, b, c".
[[noreturn]] void throw_unknown_word(std::string_view what, std::string_view word, const std::vector<std::string>& known);

}  // namespace convoy
