/// What the command lines of all programs have in common: verbs with options, whose help begins with examples, the nearest word
/// for what was misspelt, and exit codes (reference/core/error.h). CLI11 does the parsing and is known to cli.cpp only: whoever
/// includes its header compiles all of it.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace convoy {

inline constexpr int kExitInternal = 1, kExitInput = 2, kExitLimit = 3;

/// An option of a verb. What changes it returns it, so that changes can be strung together.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  /// What the help shows as its value: "N", "FILE".
  Option* type_name(const std::string& name);
  /// Shows in the help what the variable holds now.
  Option* capture_default_str();
  /// Not both.
  Option* excludes(const Option* other);
  Option* excludes(const std::string& other);
  /// Only together.
  Option* needs(const std::string& other);
  /// Only one of these words.
  Option* one_of(const std::vector<std::string>& words);
  /// Every value goes through this, which may throw an InputError.
  Option* each(const std::function<void(const std::string&)>& look_at);
  /// One value each time it is typed, and all are kept.
  Option* repeatable();
  /// Several values in one word.
  Option* delimiter(char character);
  Option* required();

  /// How many values were typed.
  [[nodiscard]] std::size_t count() const;
  [[nodiscard]] std::vector<std::string> results() const;
  /// "--ranks".
  [[nodiscard]] std::string get_name() const;

 private:
  friend class Verb;
  CLI::Option* option_;
};

/// What was typed is no command line of this program.
class CommandLineError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A program, or one of its verbs. Options and verbs live as long as the program.
class Verb {
 public:
  /// A program.
  Verb(const std::string& description, const std::string& name);
  ~Verb();
  Verb(const Verb&) = delete;
  Verb& operator=(const Verb&) = delete;

  /// An option, "--ranks" or with several names "--all-reduce,--algorithm"; without dashes what follows the verb. `value` is left
  /// as it is when the option is not typed, and must outlive the program. T: std::string, int, std::int64_t, double,
  /// std::optional of these, or a vector of int or std::string.
  template <class T>
  Option* add_option(const std::string& names, T& value, const std::string& description = "");
  /// The options that are added from here on stand below this heading in the help.
  void begin_group(const std::string& heading) { group_ = heading; }
  /// Leaves an option of this verb out of the help; typed it is as it was.
  void hide(const std::string& option);
  /// An option without a value, which makes this true.
  Option* add_flag(const std::string& names, bool& value, const std::string& description = "");
  void set_version_flag(const std::string& name, const std::string& version);
  /// A verb with a description of its own.
  Verb* add_subcommand(const std::string& name, const std::string& description = "");

  void callback(const std::function<void()>& run);
  void footer(const std::string& text);
  /// So many of its verbs have to follow.
  void require_subcommand(int least, int most);
  void require_subcommand(int count) { require_subcommand(count, count); }
  /// Keeps what it does not know for remaining().
  void allow_extras();
  /// The same from the first word that it does not know.
  void prefix_command();
  [[nodiscard]] std::vector<std::string> remaining() const;

  [[nodiscard]] std::string get_name() const;
  /// What --help prints on a terminal of so many columns.
  [[nodiscard]] std::string help(int columns) const;
  /// Whether that verb was typed.
  [[nodiscard]] bool got_subcommand(const std::string& name) const;
  /// A verb of that name; throws std::invalid_argument when there is none.
  [[nodiscard]] Verb* get_subcommand(const std::string& name) const;
  /// Its own options, in order.
  [[nodiscard]] std::vector<const Option*> get_options() const;
  /// The option with this name among others, "--ranks"; null when there is none.
  [[nodiscard]] const Option* get_option_no_throw(const std::string& name) const;

  /// Takes the words in, without the program's name, and runs the callbacks. Throws CommandLineError for what it does not know.
  void parse(const std::vector<std::string>& words);

 private:
  friend int run_cli(Verb& program, int argc, const char* const* argv);
  explicit Verb(std::shared_ptr<CLI::App> app);
  Option* remember(CLI::Option* option);

  std::shared_ptr<CLI::App> app_;
  std::vector<std::unique_ptr<Verb>> verbs_;
  std::vector<std::unique_ptr<Option>> options_;
  std::string group_;  ///< of the next option; "": that of --help
};

/// Adds a verb whose --help begins with examples.
Verb* add_verb(Verb& program, const std::string& name, const std::string& summary, const std::vector<std::string>& examples);

/// "unknown verb 'trian'; did you mean 'train'?"
std::string unknown_sentence(const std::string& what, const std::string& word, const std::vector<std::string>& known);

/// Whether the value of a switch is "on" rather than "off". An InputError names the option, the word and the nearest right one.
bool parse_on_off(const std::string& option, const std::string& word);

/// Throws an InputError for the first of these options of a verb that was typed: "--step changes nothing REASON". An option that
/// changes nothing is a mistake, and whoever typed it is told what it is for.
void refuse_typed(const Verb& verb, const std::vector<std::string>& options, const std::string& reason);

/// What was typed, with "--help" behind the rest where it began with "help": "help train" means "train --help".
std::vector<std::string> with_help_option(std::vector<std::string> words);

/// Gives closed standard streams a descriptor that cannot be written, so that no file of ours gets their number and is mixed up
/// with results.
void occupy_standard_descriptors();

/// Results that could not be written to stdout; a failing machine.
class OutputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Writes out what stdout still holds. Throws an OutputError when it, or anything before it, could not be written.
void require_output_written();

/// Parses the command line, which runs the callbacks of the verbs, and turns whatever comes out into an exit code:
/// 0 done (or help was asked for), 1 a bug or a failing machine, 2 a mistake in what was typed or in a file, 3 a limit.
/// Messages go to stderr. Results that could not be written to stdout are a failing machine. "help" and "help VERB" mean --help.
int run_cli(Verb& program, int argc, const char* const* argv);

}  // namespace convoy
