/// Strict reading of JSON objects: every field that is missing, of the wrong type or unknown is named, all in one message.
/// Internal to reference/io and the programs' readers. Includes the names of JSON's types only, since the whole of them takes a
/// second to compile: who touches a value includes <nlohmann/json.hpp>.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "reference/core/error.h"

namespace convoy {

/// JSON as text. Bytes that are not UTF-8 (names of files may hold any) become the replacement character.
std::string json_text(const nlohmann::json& value, int indent = -1);
std::string json_text(const nlohmann::ordered_json& value, int indent = -1);

/// Parses text; an InputError names the file and the place of a syntax error.
nlohmann::json parse_json(const std::string& text, const std::string& file_name);
/// The same for text that may be something else; then a value that is neither object nor list nor anything.
nlohmann::json json_or_nothing(std::string_view text);
nlohmann::ordered_json ordered_json_or_nothing(std::string_view text);

/// Problems found in one file.
class JsonProblems {
 public:
  explicit JsonProblems(std::string file_name) : file_name_(std::move(file_name)) {}
  void add(const std::string& sentence) { problems_.push_back(sentence); }
  [[nodiscard]] std::size_t count() const { return problems_.size(); }
  /// Throws an InputError listing them, when there are any.
  void require_none() const;

 private:
  std::string file_name_;
  std::vector<std::string> problems_;
};

/// One object that is being read. Getters return a default value when they find a problem; JsonProblems::require_none() then
/// throws.
class JsonFields {
 public:
  /// path: "" for the whole file, "transport", "entries[3]".
  JsonFields(const nlohmann::json& object, std::string path, JsonProblems& problems);

  std::string text(const std::string& name);
  bool flag(const std::string& name);
  /// A number; negative ones are a problem unless `any_sign`.
  double number(const std::string& name, bool any_sign = false);
  /// A number above 0.
  double positive_number(const std::string& name);
  std::int64_t integer(const std::string& name);
  /// A whole number from `least` to the largest int.
  int small_integer(const std::string& name, int least = 0);
  std::vector<double> numbers(const std::string& name);
  std::vector<std::int64_t> integers(const std::string& name);
  /// A list; an empty one when it is missing.
  const nlohmann::json& array(const std::string& name);
  JsonFields object(const std::string& name);
  /// Whether an optional field is there (and not null).
  bool has(const std::string& name);
  /// Names of all fields, for objects used as maps.
  [[nodiscard]] std::vector<std::string> names() const;
  /// Notes a problem with a field.
  void problem(const std::string& name, const std::string& sentence) { problems_.add(cat(at(name), ": ", sentence)); }
  /// Notes every field that was never asked for: a misspelt optional one would otherwise be lost.
  void require_all_known();

 private:
  [[nodiscard]] std::string at(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }
  std::int64_t as_integer(const nlohmann::json& value, const std::string& place);
  template <class IsType>
  const nlohmann::json* find(const std::string& name, std::string_view expected, IsType is_type);

  const nlohmann::json& object_;
  std::string path_;
  JsonProblems& problems_;
  std::vector<std::string> known_;
  bool silent_ = false;
};

/// f(text) of a field that older files do not have; what f says about it is a problem of the field.
template <class F>
void parse_optional(JsonFields& fields, const std::string& name, const F& f) {
  if (!fields.has(name)) return;
  try {
    f(fields.text(name));
  } catch (const InputError& error) {
    fields.problem(name, error.what());
  }
}

}  // namespace convoy
