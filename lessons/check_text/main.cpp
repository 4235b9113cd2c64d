/// convoy_check_text: is what a lesson's text says what its program does?
///
///   convoy_check_text --text README.md --code main.cpp --values FILE [--update] [--record]
///
/// FILE is what the program wrote with --values (see lesson.h): lines "name value", and blocks of lines between [name] and
/// [/name]. The text holds
///
///   <!--v:name-->17.96<!--/v-->   a value, letter for letter as the program writes it
///   <!--m:name-->17.96<!--/m-->   a measured value, as it came out once: its paragraph must say "recorded", and the program
///                                 must still write that name with a finite value above zero
///   <!-- code: name -->           the fenced block on the next line is what stands between // [name] and // [/name] in main.cpp
///   <!-- output: name -->         ... is a block that the program writes, letter for letter
///   <!-- recorded: name -->       ... is such a block of a measured run, as it came out once
///
/// A fenced block with none of these may only hold commands (```sh). Any other number in the text is an error: nothing would
/// notice when it becomes wrong. No numbers in this sense are: what stands in `inline code`, in fenced blocks, in headings and
/// in the targets of links; the numbers of a numbered list; digits in a word that begins with a letter (LeNet-5, V100, fp32);
/// dates as in 2026-11-23, and years in brackets (2009). Numbers written as words cannot be checked: "two ranks".
///
/// The text must have the headings of kSteps, in this order, and main.cpp fewer than kMostLines lines.
/// --update writes the values and blocks into the text, --record the measured ones too. Ends with 0 when all is right, 1 when
/// something is not, 2 when it could not look.
#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <string>
#include <string_view>

#include "lessons/check_text/bare_numbers.h"
#include "lessons/check_text/sources.h"
#include "reference/core/error.h"

namespace convoy {
namespace {

constexpr std::array<std::string_view, 6> kSteps = {"Why", "Predict", "Run", "Look", "Change it", "Check"};
constexpr std::size_t kMostLines = 150;

template <class T>
std::string names_of(const std::map<std::string, T>& map) {
  std::string names;
  for (const auto& [name, value] : map) names += (names.empty() ? "" : ", ") + name;
  return names.empty() ? "none" : names;
}

bool is_finite_and_positive(const std::string& text) {
  double value = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  return status == std::errc{} && end == text.data() + text.size() && std::isfinite(value) && value > 0;
}

struct Options {
  std::string text;    ///< path of README.md
  std::string code;    ///< of main.cpp
  std::string values;  ///< of what the program wrote
  bool update = false;
  bool record = false;
};

/// Reads a text once from top to bottom, complains, and builds the updated text.
class TextChecker {
 public:
  TextChecker(const Options& options)
      : options_(options),
        lines_(read_lines(options.text)),
        code_lines_(read_lines(options.code)),
        written_(read_written(options.values)),
        code_(blocks_of(options.code, code_lines_, "// [")) {}

  /// Returns what is wrong, in the order of the text.
  Lines check() {
    if (code_lines_.size() >= kMostLines)
      complaints_.push_back(cat(options_.code, ":", code_lines_.size(), ": a lesson's program has fewer than ", kMostLines,
                                " lines, this one has ", code_lines_.size()));
    while (at_ < lines_.size()) {
      if (const std::string name = directive(lines_[at_]); !name.empty())
        quoted_block(name);
      else if (lines_[at_].starts_with("```"))
        fenced_block();
      else
        prose();
    }
    if (next_step_ < kSteps.size())
      complain(cat("expected the heading '## ", kSteps.at(next_step_),
                   "', found the end; the steps of a lesson are, in this order: ", steps()));
    return complaints_;
  }
  [[nodiscard]] const Lines& updated() const { return updated_; }

 private:
  void complain(const std::string& sentence) { complaints_.push_back(cat(options_.text, ":", at_ + 1, ": ", sentence)); }

  static std::string steps() {
    std::string all;
    for (const std::string_view step : kSteps) all += cat(all.empty() ? "" : ", ", step);
    return all;
  }

  /// "code ring" for "<!-- code: ring -->", else "".
  static std::string directive(const std::string& line) {
    for (const char* kind : {"code", "output", "recorded"}) {
      const std::string opening = cat("<!-- ", kind, ": ");
      if (line.starts_with(opening) && line.ends_with(" -->") && line.size() > opening.size() + 4)
        return cat(kind, " ", line.substr(opening.size(), line.size() - opening.size() - 4));
    }
    return "";
  }

  /// The end of the block whose opening fence is at `from`.
  std::size_t end_of_fence(std::size_t from) {
    std::size_t end = from + 1;
    while (end < lines_.size() && !lines_[end].starts_with("```")) ++end;
    if (end == lines_.size()) complain("this block (```) is never closed");
    return end;
  }

  void keep(std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to && i < lines_.size(); ++i) updated_.push_back(lines_[i]);
  }

  void fenced_block() {
    if (lines_[at_] != "```sh")
      complain(
          "a fenced block that is neither commands (```sh) nor directly below <!-- code: name -->, <!-- output: name --> or <!-- "
          "recorded: name -->");
    const std::size_t end = end_of_fence(at_) + 1;
    keep(at_, end);
    at_ = end;
  }

  void quoted_block(const std::string& kind_and_name) {
    const std::string kind = kind_and_name.substr(0, kind_and_name.find(' '));
    const std::string name = kind_and_name.substr(kind.size() + 1);
    updated_.push_back(lines_[at_]);
    if (at_ + 1 == lines_.size() || !lines_[at_ + 1].starts_with("```")) {
      complain(cat(kind, " '", name, "': the next line must open a fenced block (```)"));
      ++at_;
      return;
    }
    const auto& source = kind == "code" ? code_ : written_.blocks;
    const std::size_t end = end_of_fence(at_ + 1);
    const auto found = source.find(name);
    if (found == source.end())
      complain(cat(kind, " '", name, "': ", kind == "code" ? options_.code : "the program",
                   " has no such block; there are: ", names_of(source)));
    if (kind == "recorded" && !says_recorded(at_))
      complain(cat("recorded '", name, "': the paragraph above must say when and where it was recorded"));

    const bool replace = found != source.end() && (kind == "recorded" ? options_.record : options_.update);
    const Lines there(lines_.begin() + static_cast<std::ptrdiff_t>(at_ + 2), lines_.begin() + static_cast<std::ptrdiff_t>(end));
    const Lines wanted = found == source.end() ? there : without_indentation(found->second);
    if (kind != "recorded" && !replace) compare(kind, name, there, wanted);
    updated_.push_back(lines_[at_ + 1]);
    updated_.insert(updated_.end(), replace ? wanted.begin() : there.begin(), replace ? wanted.end() : there.end());
    keep(end, end + 1);
    at_ = end + 1;
  }

  void compare(const std::string& kind, const std::string& name, const Lines& there, const Lines& wanted) {
    const std::size_t directive_line = at_;
    for (std::size_t i = 0; i < std::max(there.size(), wanted.size()); ++i) {
      const std::string found = i < there.size() ? "'" + there[i] + "'" : "the end of the block";
      const std::string expected = i < wanted.size() ? "'" + wanted[i] + "'" : "the end of the block";
      if (found == expected) continue;
      at_ = directive_line + 2 + i;
      complain(cat(kind, " '", name, "' is not what ", kind == "code" ? options_.code : "the program", " has: expected ",
                   expected, ", found ", found));
      break;
    }
    at_ = directive_line;
  }

  void prose() {
    std::string line = lines_[at_];
    if (line.starts_with("## ")) heading(trimmed(line.substr(3)));
    values(line, "v");
    values(line, "m");
    updated_.push_back(line);
    for (const char* kind : {"v", "m"}) blank_between(line, cat("<!--", kind, ":"), cat("<!--/", kind, "-->"));
    if (!blank_between(line, "<!--", "-->")) complain("a comment (<!--) must end on the line on which it begins");
    if (!blank_between(line, "`", "`")) complain("inline code must end on the line on which it begins");
    blank_between(line, "](", ")");
    blank_between(line, "<http", ">");
    if (!line.starts_with("#"))
      for (const std::string& number : bare_numbers(line))
        complain(cat("bare number '", number,
                     "'; let the program write it and put it between <!--v:name--> and <!--/v-->, or say it without a number"));
    ++at_;
  }

  void heading(const std::string& text) {
    const auto step = std::find(kSteps.begin(), kSteps.end(), text);
    if (step == kSteps.end()) return;
    if (next_step_ >= kSteps.size() || text != kSteps.at(next_step_))
      complain(cat("the heading '", text, "' is out of place; the steps of a lesson are, in this order: ", steps()));
    next_step_ = static_cast<std::size_t>(step - kSteps.begin()) + 1;
  }

  /// Checks, and updates in `line`, every value of a kind.
  void values(std::string& line, const std::string& kind) {
    const std::string opening = cat("<!--", kind, ":");
    const std::string closing = cat("<!--/", kind, "-->");
    for (std::size_t from = line.find(opening); from != std::string::npos; from = line.find(opening, from + 1)) {
      const std::size_t name_end = line.find("-->", from);
      const std::size_t end = name_end == std::string::npos ? name_end : line.find(closing, name_end);
      if (end == std::string::npos) return complain(cat("'", opening, "' without '", closing, "' on the same line"));
      const std::string name = line.substr(from + opening.size(), name_end - from - opening.size());
      const std::string there = line.substr(name_end + 3, end - name_end - 3);
      const auto found = written_.values.find(name);
      if (found == written_.values.end()) {
        complain(cat("value '", name, "': the program writes no such value; it writes: ", names_of(written_.values)));
      } else if (kind == "v" ? options_.update : options_.record) {
        line.replace(name_end + 3, there.size(), found->second);
      } else if (kind == "v" && there != found->second) {
        complain(cat("value '", name, "': expected ", found->second, " (the program writes it), found ",
                     there.empty() ? "nothing" : there));
      }
      if (kind == "m") measured(name, there, found == written_.values.end() ? "" : found->second);
    }
  }

  void measured(const std::string& name, const std::string& there, const std::string& now) {
    if (!says_recorded(at_)) complain(cat("measured value '", name, "': its paragraph must say when and where it was recorded"));
    if (!options_.record && !is_finite_and_positive(there))
      complain(cat("measured value '", name, "': expected a number above zero, found '", there, "'"));
    if (!now.empty() && !is_finite_and_positive(now))
      complain(cat("measured value '", name, "': the program wrote '", now, "', which is no finite number above zero"));
  }

  /// Whether the paragraph of a line says "recorded"; of a directive, or the paragraph above it.
  [[nodiscard]] bool says_recorded(std::size_t line) const {
    std::size_t first = line;
    if (!directive(lines_[line]).empty())
      while (first > 0 && (first == line || lines_[first].empty())) --first;
    std::size_t last = first;
    while (first > 0 && !lines_[first - 1].empty()) --first;
    while (last + 1 < lines_.size() && !lines_[last + 1].empty() && last + 1 != line) ++last;
    for (std::size_t i = first; i <= last; ++i)
      if (directive(lines_[i]).empty() &&
          (lines_[i].find("recorded") != std::string::npos || lines_[i].find("Recorded") != std::string::npos))
        return true;
    return false;
  }

  Options options_;
  Lines lines_;
  Lines code_lines_;
  Written written_;
  std::map<std::string, Lines> code_;
  std::size_t at_ = 0;         ///< line that is being looked at
  std::size_t next_step_ = 0;  ///< of kSteps
  Lines complaints_;
  Lines updated_;
};

Options parse_options(int argc, char** argv) {
  Options options;
  const std::map<std::string, std::string*> paths = {
      {"--text", &options.text}, {"--code", &options.code}, {"--values", &options.values}};
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (const auto path = paths.find(word); path != paths.end() && i + 1 < argc)
      *path->second = argv[++i];
    else if (word == "--update")
      options.update = true;
    else if (word == "--record")
      options.update = options.record = true;
    else
      throw InputError(cat("unknown or incomplete option '", word, "'"));
  }
  if (options.text.empty() || options.code.empty() || options.values.empty())
    throw InputError("usage: convoy_check_text --text README.md --code main.cpp --values FILE [--update] [--record]");
  return options;
}

/// Writes the text if it has changed.
void write_update(const Options& options, const Lines& lines) {
  if (read_lines(options.text) == lines) return;
  std::ofstream out(options.text);
  for (const std::string& line : lines) out << line << "\n";
  out.close();
  if (!out) throw InputError(cat("cannot write '", options.text, "'"));
  std::cout << options.text << ": updated\n";
}

int check_text(const Options& options) {
  TextChecker checker(options);
  const Lines complaints = checker.check();
  if (options.update) write_update(options, checker.updated());
  for (const std::string& complaint : complaints) std::cout << complaint << "\n";
  if (complaints.empty())
    std::cout << options.text << ": agrees with " << options.code << " and its values\n";
  else
    std::cout << complaints.size() << (complaints.size() == 1 ? " thing is" : " things are")
              << " wrong; --update writes values, code and output into the text\n";
  return complaints.empty() ? 0 : 1;
}

}  // namespace
}  // namespace convoy

int main(int argc, char** argv) {
  try {
    return convoy::check_text(convoy::parse_options(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "convoy_check_text: " << error.what() << "\n";
    return 2;
  }
}
