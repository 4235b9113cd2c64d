#include "reference/io/json_fields.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace convoy {

using nlohmann::json;

std::string json_text(const json& value, int indent) { return value.dump(indent, ' ', false, json::error_handler_t::replace); }
std::string json_text(const nlohmann::ordered_json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

json parse_json(const std::string& text, const std::string& file_name) {
  try {
    return json::parse(text);
  } catch (const json::parse_error& error) {
    throw InputError(cat(file_name, ", byte ", error.byte, ": not JSON (", error.what(), ")"));
  } catch (const json::exception& error) {
    throw InputError(cat(file_name, ": not JSON (", error.what(), ")"));  // a number that no double can hold
  }
}

json json_or_nothing(std::string_view text) { return json::parse(text, nullptr, false); }
nlohmann::ordered_json ordered_json_or_nothing(std::string_view text) { return nlohmann::ordered_json::parse(text, nullptr, false); }

void JsonProblems::require_none() const {
  if (problems_.empty()) return;
  std::string message = file_name_ + ":";
  for (const std::string& problem : problems_) message += "\n  " + problem;
  throw InputError(message);
}

JsonFields::JsonFields(const json& object, std::string path, JsonProblems& problems)
    : object_(object), path_(std::move(path)), problems_(problems) {
  if (!object.is_object())
    problems_.add(path_.empty() ? "expected an object"
                                : cat(path_, ": expected an object, found ", json_text(object).substr(0, 40)));
}

template <class IsType>
const json* JsonFields::find(const std::string& name, std::string_view expected, IsType is_type) {
  known_.push_back(name);
  if (!object_.is_object() || silent_) return nullptr;
  const auto found = object_.find(name);
  if (found == object_.end()) {
    problems_.add(cat(at(name), ": missing, expected ", expected));
    return nullptr;
  }
  if (((*found).*is_type)()) return &*found;
  problems_.add(cat(at(name), ": expected ", expected, ", found ", json_text(*found).substr(0, 40)));
  return nullptr;
}

std::string JsonFields::text(const std::string& name) {
  const json* value = find(name, "text", &json::is_string);
  return value != nullptr ? value->get<std::string>() : "";
}

bool JsonFields::flag(const std::string& name) {
  const json* value = find(name, "true or false", &json::is_boolean);
  return value != nullptr && value->get<bool>();
}

double JsonFields::number(const std::string& name, bool any_sign) {
  const json* value = find(name, "a number", &json::is_number);
  if (value == nullptr) return 0;
  const auto result = value->get<double>();
  if (!any_sign && !(result >= 0)) problems_.add(cat(at(name), ": is ", result, ", expected 0 or more"));
  return result;
}

double JsonFields::positive_number(const std::string& name) {
  const std::size_t before = problems_.count();
  const double value = number(name);
  if (problems_.count() == before && !silent_ && !(value > 0)) problems_.add(cat(at(name), ": is 0, expected more"));
  return value;
}

std::int64_t JsonFields::integer(const std::string& name) {
  const json* value = find(name, "a whole number", &json::is_number_integer);
  if (value == nullptr) return 0;
  return as_integer(*value, at(name));
}

int JsonFields::small_integer(const std::string& name, int least) {
  const std::size_t before = problems_.count();
  const std::int64_t value = integer(name);
  if (problems_.count() > before || silent_) return least;
  if (value >= least && value <= INT32_MAX) return static_cast<int>(value);
  problems_.add(cat(at(name), ": is ", value, ", expected ", least, " to ", INT32_MAX));
  return least;
}

std::vector<double> JsonFields::numbers(const std::string& name) {
  std::vector<double> result;
  const json& list = array(name);
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (list[i].is_number())
      result.push_back(list[i].get<double>());
    else
      problems_.add(cat(at(name), "[", i, "]: expected a number, found ", json_text(list[i]).substr(0, 40)));
  }
  return result;
}

std::vector<std::int64_t> JsonFields::integers(const std::string& name) {
  std::vector<std::int64_t> result;
  const json& list = array(name);
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string place = cat(at(name), "[", i, "]");
    if (list[i].is_number_integer())
      result.push_back(as_integer(list[i], place));
    else
      problems_.add(cat(place, ": expected a whole number, found ", json_text(list[i]).substr(0, 40)));
  }
  return result;
}

const json& JsonFields::array(const std::string& name) {
  static const json kEmpty = json::array();
  const json* value = find(name, "a list", &json::is_array);
  return value != nullptr ? *value : kEmpty;
}

JsonFields JsonFields::object(const std::string& name) {
  static const json kEmpty = json::object();
  const json* value = find(name, "an object", &json::is_object);
  JsonFields fields(value != nullptr ? *value : kEmpty, at(name), problems_);
  fields.silent_ = value == nullptr;  // one problem for the object, not one for each of its fields
  return fields;
}

bool JsonFields::has(const std::string& name) {
  known_.push_back(name);
  return object_.is_object() && object_.contains(name) && !object_.at(name).is_null();
}

std::vector<std::string> JsonFields::names() const {
  std::vector<std::string> result;
  if (object_.is_object())
    for (const auto& item : object_.items()) result.push_back(item.key());
  return result;
}

void JsonFields::require_all_known() {
  for (const std::string& name : names()) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    const std::string near = nearest_word(name, known_);
    problems_.add(cat(at(name), ": unknown field", near.empty() ? "" : cat("; did you mean '", near, "'?")));
  }
}

std::int64_t JsonFields::as_integer(const json& value, const std::string& place) {
  const bool too_large = value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX};
  if (!too_large && value.get<std::int64_t>() >= 0) return value.get<std::int64_t>();
  problems_.add(cat(place, ": is ", json_text(value), ", expected 0 to ", INT64_MAX));
  return 0;
}

}  // namespace convoy
