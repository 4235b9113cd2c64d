/// Strict reading of JSON objects: every field that is missing, of the wrong type or unknown is named, all in one message.
/// Internal to reference/io and the programs' readers.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "reference/core/error.h"

namespace convoy {

/// JSON as text. Bytes that are not UTF-8 (names of files may hold any) become the replacement character.
template <class Json>
std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

/// Problems found in one file.
class JsonProblems {
 public:
  explicit JsonProblems(std::string file_name) : file_name_(std::move(file_name)) {}
  void add(const std::string& sentence) { problems_.push_back(sentence); }
  [[nodiscard]] std::size_t count() const { return problems_.size(); }
  /// Throws an InputError listing them, when there are any.
  void require_none() const {
    if (problems_.empty()) return;
    std::string message = file_name_ + ":";
    for (const std::string& problem : problems_) message += "\n  " + problem;
    throw InputError(message);
  }

 private:
  std::string file_name_;
  std::vector<std::string> problems_;
};

/// One object that is being read. Getters return a default value when they find a problem; JsonProblems::require_none() then
/// throws.
class JsonFields {
 public:
  /// path: "" for the whole file, "transport", "entries[3]".
  JsonFields(const nlohmann::json& object, std::string path, JsonProblems& problems)
      : object_(object), path_(std::move(path)), problems_(problems) {
    if (!object.is_object())
      problems_.add(path_.empty() ? "expected an object"
                                  : cat(path_, ": expected an object, found ", json_text(object).substr(0, 40)));
  }

  std::string text(const std::string& name) {
    const nlohmann::json* value = find(name, "text", &nlohmann::json::is_string);
    return value != nullptr ? value->get<std::string>() : "";
  }
  bool flag(const std::string& name) {
    const nlohmann::json* value = find(name, "true or false", &nlohmann::json::is_boolean);
    return value != nullptr && value->get<bool>();
  }
  /// A number; negative ones are a problem unless `any_sign`.
  double number(const std::string& name, bool any_sign = false) {
    const nlohmann::json* value = find(name, "a number", &nlohmann::json::is_number);
    if (value == nullptr) return 0;
    const auto result = value->get<double>();
    if (!any_sign && !(result >= 0)) problems_.add(cat(at(name), ": is ", result, ", expected 0 or more"));
    return result;
  }
  /// A number above 0.
  double positive_number(const std::string& name) {
    const std::size_t before = problems_.count();
    const double value = number(name);
    if (problems_.count() == before && !silent_ && !(value > 0)) problems_.add(cat(at(name), ": is 0, expected more"));
    return value;
  }
  std::int64_t integer(const std::string& name) {
    const nlohmann::json* value = find(name, "a whole number", &nlohmann::json::is_number_integer);
    if (value == nullptr) return 0;
    return as_integer(*value, at(name));
  }
  /// A whole number from `least` to the largest int.
  int small_integer(const std::string& name, int least = 0) {
    const std::size_t before = problems_.count();
    const std::int64_t value = integer(name);
    if (problems_.count() > before || silent_) return least;
    if (value >= least && value <= INT32_MAX) return static_cast<int>(value);
    problems_.add(cat(at(name), ": is ", value, ", expected ", least, " to ", INT32_MAX));
    return least;
  }
  std::vector<double> numbers(const std::string& name) {
    std::vector<double> result;
    const nlohmann::json& list = array(name);
    for (std::size_t i = 0; i < list.size(); ++i) {
      if (list[i].is_number())
        result.push_back(list[i].get<double>());
      else
        problems_.add(cat(at(name), "[", i, "]: expected a number, found ", json_text(list[i]).substr(0, 40)));
    }
    return result;
  }
  std::vector<std::int64_t> integers(const std::string& name) {
    std::vector<std::int64_t> result;
    const nlohmann::json& list = array(name);
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string place = cat(at(name), "[", i, "]");
      if (list[i].is_number_integer())
        result.push_back(as_integer(list[i], place));
      else
        problems_.add(cat(place, ": expected a whole number, found ", json_text(list[i]).substr(0, 40)));
    }
    return result;
  }
  /// A list; an empty one when it is missing.
  const nlohmann::json& array(const std::string& name) {
    static const nlohmann::json kEmpty = nlohmann::json::array();
    const nlohmann::json* value = find(name, "a list", &nlohmann::json::is_array);
    return value != nullptr ? *value : kEmpty;
  }
  JsonFields object(const std::string& name) {
    static const nlohmann::json kEmpty = nlohmann::json::object();
    const nlohmann::json* value = find(name, "an object", &nlohmann::json::is_object);
    JsonFields fields(value != nullptr ? *value : kEmpty, at(name), problems_);
    fields.silent_ = value == nullptr;  // one problem for the object, not one for each of its fields
    return fields;
  }
  /// Whether an optional field is there (and not null).
  bool has(const std::string& name) {
    known_.push_back(name);
    return object_.is_object() && object_.contains(name) && !object_.at(name).is_null();
  }
  /// Names of all fields, for objects used as maps.
  std::vector<std::string> names() const {
    std::vector<std::string> result;
    if (object_.is_object())
      for (const auto& item : object_.items()) result.push_back(item.key());
    return result;
  }
  /// Notes a problem with a field.
  void problem(const std::string& name, const std::string& sentence) { problems_.add(cat(at(name), ": ", sentence)); }
  /// Notes every field that was never asked for: a misspelt optional one would otherwise be lost.
  void require_all_known() {
    for (const std::string& name : names()) {
      if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
      const std::string near = nearest_word(name, known_);
      problems_.add(cat(at(name), ": unknown field", near.empty() ? "" : cat("; did you mean '", near, "'?")));
    }
  }

 private:
  [[nodiscard]] std::string at(const std::string& name) const { return path_.empty() ? name : path_ + "." + name; }

  std::int64_t as_integer(const nlohmann::json& value, const std::string& place) {
    const bool too_large = value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX};
    if (!too_large && value.get<std::int64_t>() >= 0) return value.get<std::int64_t>();
    problems_.add(cat(place, ": is ", json_text(value), ", expected 0 to ", INT64_MAX));
    return 0;
  }

  const nlohmann::json* find(const std::string& name, std::string_view expected,
                             bool (nlohmann::json::*is_type)() const noexcept) {
    known_.push_back(name);
    if (!object_.is_object() || silent_) return nullptr;
    const auto found = object_.find(name);
    if (found == object_.end()) {
      problems_.add(cat(at(name), ": missing, expected ", expected));
      return nullptr;
    }
    if ((*found.*is_type)()) return &*found;
    problems_.add(cat(at(name), ": expected ", expected, ", found ", json_text(*found).substr(0, 40)));
    return nullptr;
  }

  const nlohmann::json& object_;
  std::string path_;
  JsonProblems& problems_;
  std::vector<std::string> known_;
  bool silent_ = false;
};

/// Parses text; an InputError names the file and the place of a syntax error.
inline nlohmann::json parse_json(const std::string& text, const std::string& file_name) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& error) {
    throw InputError(cat(file_name, ", byte ", error.byte, ": not JSON (", error.what(), ")"));
  } catch (const nlohmann::json::exception& error) {
    throw InputError(cat(file_name, ": not JSON (", error.what(), ")"));  // a number that no double can hold
  }
}

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
