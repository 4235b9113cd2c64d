#include "reference/core/error.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace convoy {
namespace {

/// Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbours.
std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replace = d[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

template <class... Format>
void append_number(std::string& text, auto number, Format... format) {
  std::array<char, 32> digits;
  text.append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), number, format...).ptr);
}

}  // namespace

void Printable::append_to(std::string& text) const {
  switch (kind_) {
    case Kind::text: text += text_; break;
    case Kind::character: text += character_; break;
    case Kind::integer: append_number(text, integer_); break;
    case Kind::natural: append_number(text, natural_); break;
    case Kind::real: append_number(text, real_, std::chars_format::general, 10); break;
  }
}

std::string joined(std::initializer_list<Printable> parts) {
  std::string text;
  for (const Printable& part : parts) part.append_to(text);
  return text;
}

void throw_broken_contract(std::string_view where, std::initializer_list<Printable> message) {
  throw std::invalid_argument(cat("[", where, "] ", joined(message)));
}

std::string nearest_word(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance < best_distance) {
      best = candidate;
      best_distance = distance;
    }
  }
  const std::size_t dashes = std::min(word.find_first_not_of('-'), word.size());
  if (best.empty() && word.size() - dashes > 2) {  // the beginning of one and no other: "A100" of "A100-SXM4-40GB"
    const auto begins = [&](const std::string& candidate) {
      return candidate.size() > word.size() &&
             std::equal(word.begin(), word.end(), candidate.begin(),
                        [](unsigned char a, unsigned char b) { return std::tolower(a) == std::tolower(b); });
    };
    const auto found = std::find_if(known.begin(), known.end(), begins);
    if (found != known.end() && std::none_of(found + 1, known.end(), begins)) return *found;
  }
  return best;
}

void throw_unknown_word(std::string_view what, std::string_view word, const std::vector<std::string>& known) {
  std::string message = cat("unknown ", what, " '", word, "'");
  const std::string near = nearest_word(word, known);
  message += near.empty() ? "." : cat("; did you mean '", near, "'?");
  message += " Known:";
  for (std::size_t i = 0; i < known.size(); ++i) message += cat(i == 0 ? " " : ", ", known[i]);
  throw InputError(message);
}

}  // namespace convoy
