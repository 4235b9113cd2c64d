/// What the command lines of all programs have in common: verbs whose help begins with examples, the nearest word for what was
/// misspelt, and exit codes (reference/core/error.h). Header-only, on CLI11.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <exception>
#include <iostream>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "reference/core/error.h"

namespace convoy {

inline constexpr int kExitInternal = 1, kExitInput = 2, kExitLimit = 3;

/// Shows the first paragraph of a verb's description after its examples in its own help, and as one line in the list of verbs.
class ExamplesFormatter : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* sub) const override {
    const std::string text = sub->get_description();
    const std::string last_paragraph = text.substr(text.rfind("\n\n") == std::string::npos ? 0 : text.rfind("\n\n") + 2);
    std::string line = "  " + sub->get_name();
    line.resize(std::max<std::size_t>(line.size() + 2, 16), ' ');
    return line + last_paragraph + "\n";
  }
};

/// Adds a verb whose --help begins with examples.
inline CLI::App* add_verb(CLI::App& app, const std::string& name, const std::string& summary,
                          const std::vector<std::string>& examples) {
  std::string text = "Examples:\n";
  for (const std::string& example : examples) text += "  " + example + "\n";
  CLI::App* verb = app.add_subcommand(name, text + "\n" + summary);
  verb->formatter(std::make_shared<ExamplesFormatter>());
  return verb;
}

/// "unknown verb 'trian'; did you mean 'train'?"
inline std::string unknown_sentence(const std::string& what, const std::string& word, const std::vector<std::string>& known) {
  const std::string near = nearest_word(word, known);
  return cat("unknown ", what, " '", word, "'", near.empty() ? "" : cat("; did you mean '", near, "'?"));
}

/// Whether the value of a switch is "on" rather than "off". An InputError names the option, the word and the nearest right one.
inline bool parse_on_off(const std::string& option, const std::string& word) {
  if (word != "on" && word != "off") throw_unknown_word(cat("value of ", option), word, {"on", "off"});
  return word == "on";
}

/// All long options of a verb, with their dashes.
inline std::vector<std::string> option_names(const CLI::App& verb) {
  std::vector<std::string> names;
  for (const CLI::Option* option : verb.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

/// The first word of a command line that the program does not know, as a sentence with the nearest known one; "" when all are
/// known.
inline std::string unknown_word(const CLI::App& app, const std::vector<std::string>& arguments) {
  const CLI::App* verb = &app;
  for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
    const std::string& word = arguments[i];
    if (word.starts_with("--")) {
      const std::string name = word.substr(0, word.find('='));
      const CLI::Option* option = verb->get_option_no_throw(name);
      if (option == nullptr) return unknown_sentence("option", name, option_names(*verb));
      if (name == word && option->get_items_expected_max() > 0) ++i;  // the next word is its value
      continue;
    }
    const std::vector<const CLI::App*> verbs = verb->get_subcommands([](const CLI::App*) { return true; });
    if (word.starts_with("-") || verbs.empty()) continue;
    const auto next =
        std::find_if(verbs.begin(), verbs.end(), [&](const CLI::App* candidate) { return candidate->get_name() == word; });
    if (next == verbs.end()) {
      std::vector<std::string> names;
      for (const CLI::App* candidate : verbs) names.push_back(candidate->get_name());
      return unknown_sentence("verb", word, names);
    }
    verb = *next;
  }
  return "";
}

/// The option that has a value its type does not take, in a verb or one of its verbs that was typed.
inline const CLI::Option* option_named(const CLI::App& app, const std::string& name) {
  if (const CLI::Option* option = app.get_option_no_throw(name)) return option;
  for (const CLI::App* verb : app.get_subcommands())
    if (const CLI::Option* option = option_named(*verb, name)) return option;
  return nullptr;
}

/// "--ranks is 'two'; expected a whole number", made from "Could not convert: --ranks = two"; other sentences stay as they are.
inline std::string conversion_sentence(const CLI::App& app, const std::string& sentence) {
  const std::string begin = "Could not convert: ";
  const std::size_t equals = sentence.find(" = ");
  if (!sentence.starts_with(begin) || equals == std::string::npos) return sentence;
  const std::string name = sentence.substr(begin.size(), equals - begin.size());
  const std::string value = sentence.substr(equals + 3);
  const CLI::Option* option = option_named(app, name);
  if (option != nullptr && option->get_type_name() == "FLOAT") return cat(name, " is '", value, "'; expected a number");
  const bool is_digits = !value.empty() && std::all_of(value.begin() + (value.front() == '-' ? 1 : 0), value.end(),
                                                       [](unsigned char c) { return std::isdigit(c) != 0; });
  return cat(name, " is '", value, "'; expected ", is_digits ? "a smaller number" : "a whole number");
}

/// Gives closed standard streams a descriptor that cannot be written, so that no file of ours gets their number and is mixed up
/// with results.
inline void occupy_standard_descriptors() {
  for (int descriptor = STDIN_FILENO; descriptor <= STDERR_FILENO; ++descriptor)
    if (fcntl(descriptor, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0) return;
}

/// Results that could not be written to stdout; a failing machine.
class OutputError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Writes out what stdout still holds. Throws an OutputError when it, or anything before it, could not be written.
inline void require_output_written() {
  errno = 0;
  std::cout.flush();
  const bool failed = std::fflush(stdout) != 0 || std::ferror(stdout) != 0 || !std::cout;
  if (!failed) return;
  throw OutputError(
      cat("cannot write the results to standard output", errno != 0 ? ": " : "", errno != 0 ? std::strerror(errno) : ""));
}

/// Parses the command line, which runs the callbacks of the verbs, and turns whatever comes out into an exit code:
/// 0 done (or help was asked for), 1 a bug or a failing machine, 2 a mistake in what was typed or in a file, 3 a limit.
/// Messages go to stderr. Results that could not be written to stdout are a failing machine.
inline int run_cli(CLI::App& app, int argc, const char* const* argv) {
  const auto complain = [&](const std::string& message, int code) {
    std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), message.c_str());
    return code;
  };
  occupy_standard_descriptors();
  app.formatter(std::make_shared<ExamplesFormatter>());
  try {
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() != 0) throw;
      app.exit(error);  // help or version
    }
    require_output_written();
    return 0;
  } catch (const CLI::ParseError& error) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const std::string unknown = unknown_word(app, arguments);
    return complain((unknown.empty() ? conversion_sentence(app, error.what()) : unknown) + "\nTry --help.", kExitInput);
  } catch (const InputError& error) {
    return complain(error.what(), kExitInput);
  } catch (const LimitError& error) {
    return complain(error.what(), kExitLimit);
  } catch (const OutputError& error) {
    return complain(error.what(), kExitInternal);
  } catch (const std::bad_alloc&) {
    return complain("not enough memory for this; use a smaller network, a smaller batch, fewer images or fewer ranks",
                    kExitInternal);
  } catch (const std::exception& error) {
    return complain(cat("internal error: ", error.what()), kExitInternal);
  }
}

}  // namespace convoy
