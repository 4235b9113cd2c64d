/// Words: one line of a schedule's text, taken word by word. Internal to parse_schedule.
#pragma once

#include <charconv>
#include <cstddef>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "reference/core/error.h"

namespace convoy {

/// The words of one line, taken one after the other; every complaint names the line.
class Words {
 public:
  Words(std::string_view line, int number) : number_(number) {
    std::istringstream in{std::string(line)};
    for (std::string word; in >> word;) words_.push_back(word);
  }
  [[nodiscard]] bool done() const { return next_ == words_.size(); }
  [[noreturn]] void fail(const std::string& why) const { throw InputError(cat("schedule text, line ", number_, ": ", why)); }

  std::string take(const std::string& what) {
    if (done()) fail("expected " + what + " at the end of the line");
    return words_[next_++];
  }
  void expect(const std::string& word) {
    if (const std::string got = take("'" + word + "'"); got != word) fail("expected '" + word + "', found '" + got + "'");
  }
  /// The value of "key=value", which must come next.
  std::string value(const std::string& key) {
    const std::string word = take(key + "=...");
    if (!word.starts_with(key + "=")) fail("expected " + key + "=..., found '" + word + "'");
    return word.substr(key.size() + 1);
  }
  [[nodiscard]] bool next_starts_with(std::string_view text) const { return !done() && words_[next_].starts_with(text); }

  template <class T>
  T parse(std::string_view text, std::string_view what) const {
    T result{};
    const char* end = text.data() + text.size();
    const auto [rest, status] = std::from_chars(text.data(), end, result);
    if (status != std::errc{} || rest != end) fail(cat("'", text, "' is not ", what));
    return result;
  }
  int integer(std::string_view text) const { return parse<int>(text, "a whole number"); }

 private:
  std::vector<std::string> words_;
  std::size_t next_ = 0;
  int number_;
};

}  // namespace convoy
