#include "lessons/check_text/bare_numbers.h"

#include <algorithm>

namespace convoy {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

/// Blanks from `from` up to `to`.
void blank(std::string& line, std::size_t from, std::size_t to) {
  std::fill(line.begin() + static_cast<std::ptrdiff_t>(from),
            line.begin() + static_cast<std::ptrdiff_t>(std::min(to, line.size())), ' ');
}

bool is_date_or_year(std::string_view word, char after) {
  const std::string_view form = word.size() == 4 ? "dddd" : "dddd-dd-dd";
  if (word.size() != form.size() || (word.size() == 4 && (after != ')' || (!word.starts_with("19") && !word.starts_with("20")))))
    return false;
  for (std::size_t i = 0; i < word.size(); ++i)
    if (form[i] == 'd' ? !is_digit(word[i]) : word[i] != form[i]) return false;
  return true;
}

}  // namespace

bool blank_between(std::string& line, std::string_view opening, std::string_view closing) {
  for (std::size_t from = line.find(opening); from != std::string::npos; from = line.find(opening)) {
    const std::size_t to = line.find(closing, from + opening.size());
    if (to == std::string::npos) return false;
    blank(line, from, to + closing.size());
  }
  return true;
}

std::vector<std::string> bare_numbers(std::string line) {
  const std::size_t ordinal_end = line.find_first_not_of("0123456789", line.find_first_not_of(' '));
  if (ordinal_end != std::string::npos && line.substr(ordinal_end, 2) == ". ") blank(line, 0, ordinal_end);
  std::vector<std::string> found;
  const auto part_of_word = [&](std::size_t i) { return i < line.size() && (is_letter(line[i]) || is_digit(line[i])); };
  for (std::size_t i = 0; i < line.size(); ++i) {
    if (!part_of_word(i)) continue;
    const std::size_t begin = i;
    while (part_of_word(i) || (i < line.size() && (line[i] == '-' || line[i] == '.' || line[i] == ',') && part_of_word(i + 1)))
      ++i;
    const std::string word = line.substr(begin, i - begin);
    if (is_digit(word[0]) && !is_date_or_year(word, i < line.size() ? line[i] : ' ')) found.push_back(word);
  }
  return found;
}

}  // namespace convoy
