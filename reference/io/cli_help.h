/// How the help of command lines looks. Only cli.cpp includes this, as it includes CLI11.
#pragma once

#include <sys/ioctl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>
#include <sstream>
#include <string>
#include <utility>

namespace convoy {

inline constexpr std::size_t kHelpColumn = 28;  ///< where what is said about an option begins

/// Columns of the terminal, within what is good to read; 100 where the help goes elsewhere.
inline std::size_t help_width() {
  winsize size{};
  const bool terminal = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return terminal ? std::clamp<std::size_t>(size.ws_col, 60, 120) : 100;
}

/// `left`, and beside it, or below where it is too long, the words of `right` in lines of `width` columns.
inline std::string beside(const std::string& left, const std::string& right, std::size_t column, std::size_t width) {
  std::string text = left;
  std::size_t at = left.size();  // in the line
  const auto break_line = [&] {
    text += "\n" + std::string(column, ' ');
    at = column;
  };
  if (at + 2 > column)
    break_line();
  else
    text.append(column - at, ' '), at = column;
  std::istringstream words(right);
  for (std::string word; words >> word;) {
    if (at > column && at + 1 + word.size() > width) break_line();
    if (at > column) text += ' ', ++at;
    text += word;
    at += word.size();
  }
  return text.substr(0, text.find_last_not_of(" \n") + 1) + "\n";
}

inline std::string names_of(const std::set<CLI::Option*>& options) {
  std::string names;
  for (const CLI::Option* option : options) names += (names.empty() ? "" : ", ") + option->get_name();
  return names;
}

/// Options below headings, what is said about them in lines that a terminal has room for. The first paragraph of a verb's
/// description, its examples, stands in its own help only; in the list of verbs it has its last one.
class HelpFormatter : public CLI::Formatter {
 public:
  explicit HelpFormatter(std::size_t width) : width_(width) {}
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override {
    std::string text = CLI::Formatter::make_help(app, std::move(name), mode);
    for (std::size_t at = text.find("\n\n\n"); at != std::string::npos; at = text.find("\n\n\n", at)) text.erase(at, 1);
    return text;
  }
  std::string make_subcommand(const CLI::App* sub) const override {
    const std::string text = sub->get_description();
    const std::string last_paragraph = text.substr(text.rfind("\n\n") == std::string::npos ? 0 : text.rfind("\n\n") + 2);
    return beside("  " + sub->get_name(), last_paragraph, 16, width_);
  }
  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    return beside("  " + make_option_name(option, is_positional) + make_option_opts(option), make_option_desc(option),
                  kHelpColumn, width_);
  }
  /// "=64", " FILE", " N=64".
  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0) return "";
    std::string type = option->get_type_name();
    type = type.substr(0, type.find(":{"));  // without the words that it may be, which the description has
    std::string text = type == "TEXT" ? " WORD" : type == "INT" ? " N" : type == "FLOAT" ? " X" : " " + type;
    if (!option->get_default_str().empty()) text += "=" + option->get_default_str();
    if (option->get_expected_max() >= CLI::detail::expected_max_vector_size && !text.ends_with("...")) text += " ...";
    return option->get_required() ? text + " (required)" : text;
  }
  std::string make_option_desc(const CLI::Option* option) const override {
    std::string text = option->get_description();
    if (!option->get_needs().empty()) text += " (only with " + names_of(option->get_needs()) + ")";
    if (!option->get_excludes().empty()) text += " (not with " + names_of(option->get_excludes()) + ")";
    return text;
  }

 private:
  std::size_t width_;  ///< columns of a line
};

}  // namespace convoy
