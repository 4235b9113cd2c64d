/// Where results go: tables to stdout, JSON to a file; with "--json -" JSON to stdout and tables to stderr.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "reference/io/cli.h"

namespace convoy {

/// The heading below which the help has what is printed and written.
inline constexpr const char* kResultsHeading = "Results";

/// The --json option of a verb.
class Output {
 public:
  void add_to(Verb& verb);
  /// Prints what people read. `text` ends with a newline.
  void text(const std::string& text) const;
  /// Writes what programs read, if it was asked for, after version, command, date, host and seed. `json` says under
  /// "provenance" where its values are from: measured, simulated or formula.
  void json(const nlohmann::ordered_json& json) const;
  /// What --json was given; "" without it.
  [[nodiscard]] const std::string& json_file() const { return json_file_; }
  /// Columns of the terminal that text() writes to, 100 when it is none.
  [[nodiscard]] int columns() const;

 private:
  [[nodiscard]] bool json_on_stdout() const { return json_file_ == "-"; }
  void write(const std::string& json) const;
  std::string json_file_;
};

/// Adds an option for a file that results go to. A file that cannot be written is refused when the command line is read, before
/// minutes of work; so is "-", which only --json takes.
Option* add_result_file(Verb& verb, const std::string& option, std::string& file, const std::string& description);

/// A text with every byte that is not UTF-8 replaced, so that it can stand in JSON.
std::string as_utf8(const std::string& text);

/// The command line as it was typed, which every JSON result carries beside version, date and host.
void remember_command(const std::string& command);

/// Prints a line to stderr: progress and warnings.
void note(const std::string& sentence);
void warn(const std::string& sentence);

}  // namespace convoy
