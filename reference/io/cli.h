/// What the command lines of all programs have in common: verbs whose help begins with examples, the nearest word for what was
/// misspelt, and exit codes (reference/core/error.h). Header-only, on CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <memory>
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

/// Parses the command line, which runs the callbacks of the verbs, and turns whatever comes out into an exit code:
/// 0 done (or help was asked for), 1 a bug or a failing machine, 2 a mistake in what was typed or in a file, 3 a limit.
/// Messages go to stderr.
inline int run_cli(CLI::App& app, int argc, const char* const* argv) {
  const auto complain = [&](const std::string& message, int code) {
    std::fprintf(stderr, "%s: %s\n", app.get_name().c_str(), message.c_str());
    return code;
  };
  app.formatter(std::make_shared<ExamplesFormatter>());
  try {
    app.parse(argc, argv);
    return 0;
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    const std::string unknown = unknown_word(app, arguments);
    return complain((unknown.empty() ? error.what() : unknown) + "\nTry --help.", kExitInput);
  } catch (const InputError& error) {
    return complain(error.what(), kExitInput);
  } catch (const LimitError& error) {
    return complain(error.what(), kExitLimit);
  } catch (const std::exception& error) {
    return complain(cat("internal error: ", error.what()), kExitInternal);
  }
}

}  // namespace convoy
