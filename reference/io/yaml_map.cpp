#include "reference/io/yaml_map.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "reference/core/error.h"

namespace convoy {
namespace {

std::string position(const std::string& file, const YAML::Mark& mark) {
  if (mark.is_null()) return file + ": ";
  return cat(file, ":", mark.line + 1, ":", mark.column + 1, ": ");
}

/// The whole of `text` as a number, or nothing.
template <class T>
bool read_number(const std::string& text, T& value) {
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  return status == std::errc{} && end == text.data() + text.size();
}

std::string what_it_is(const YAML::Node& node) {
  if (node.IsMap()) return "a map";
  if (node.IsSequence()) return "a list";
  return node.IsNull() ? "nothing" : cat("'", node.Scalar(), "'");
}

void check_keys(const YAML::Node& node, const std::string& file, const std::string& path, const std::vector<std::string>& keys) {
  std::vector<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) throw InputError(cat(position(file, entry.first.Mark()), "a key must be a word"));
    const std::string key = entry.first.Scalar();
    if (std::find(seen.begin(), seen.end(), key) != seen.end())
      throw InputError(cat(position(file, entry.first.Mark()), "key '", key, "' stands here for the second time; keep one"));
    seen.push_back(key);
    if (std::find(keys.begin(), keys.end(), key) != keys.end()) continue;
    try {
      throw_unknown_word(path.empty() ? "key" : cat("key in ", path), key, keys);
    } catch (const InputError& error) {
      throw InputError(position(file, entry.first.Mark()) + error.what());
    }
  }
}

}  // namespace

YamlMap::YamlMap(const YAML::Node& node, std::string file, std::string path, const std::vector<std::string>& keys)
    : node_(node), file_(std::move(file)), path_(std::move(path)) {
  check_keys(node_, file_, path_, keys);
}

bool YamlMap::has(const std::string& key) const { return node_[key].IsDefined(); }

std::string YamlMap::place(const std::string& key) const { return path_.empty() ? key : cat(path_, ".", key); }

std::string YamlMap::position_of(const std::string& key) const {
  YAML::Mark mark = node_.Mark();
  for (const auto& entry : node_)  // what has no value has no place: then that of its key
    if (entry.first.Scalar() == key) mark = entry.second.IsNull() ? entry.first.Mark() : entry.second.Mark();
  return position(file_, mark);
}

void YamlMap::fail(const std::string& key, const std::string& message) const { throw InputError(position_of(key) + message); }

double YamlMap::at(const std::string& key, const std::function<double()>& f) const {
  try {
    return f();
  } catch (const InputError& error) {
    fail(key, cat(place(key), ": ", error.what()));
  }
}

std::string YamlMap::scalar(const std::string& key, const std::string& expected) const {
  if (!has(key)) fail(key, cat(place(key), " is missing; expected ", expected));
  const YAML::Node value = node_[key];
  if (!value.IsScalar()) fail(key, cat(place(key), " is ", what_it_is(value), "; expected ", expected));
  return value.Scalar();
}

std::string YamlMap::text(const std::string& key, const std::string& example) const {
  const std::string value = scalar(key, cat("text, for example ", key, ": ", example));
  if (value.empty()) fail(key, cat(place(key), " is empty; write for example ", key, ": ", example));
  return value;
}

int YamlMap::count(const std::string& key, int most) const {
  const std::string expected = cat("a whole number from 1 to ", most, ", for example ", key, ": 8");
  const std::string text = scalar(key, expected);
  int value = 0;
  if (!read_number(text, value) || value < 1 || value > most) fail(key, cat(place(key), " is '", text, "'; expected ", expected));
  return value;
}

double YamlMap::number(const std::string& key, double low, double high) const {
  const std::string expected = cat("a number from ", low, " to ", high, ", for example ", key, ": 1");
  const std::string text = scalar(key, expected);
  double value = 0;
  if (!read_number(text, value) || !(value >= low && value <= high))
    fail(key, cat(place(key), " is '", text, "'; expected ", expected));
  return value;
}

double YamlMap::quantity(const std::string& key, const Quantity& quantity) const {
  const std::string text = scalar(key, cat("a number with its unit, for example ", key, ": ", quantity.example));
  double bare = 0;
  if (read_number(text, bare))
    fail(key,
         cat(place(key), ": '", text, "' has no unit; write a number and its unit, for example ", key, ": ", quantity.example));
  const double value = at(key, [&] { return quantity.parse(text); });
  const bool high_enough = quantity.low_is_allowed ? value >= quantity.low : value > quantity.low;
  if (!(high_enough && value <= quantity.high))
    fail(key, cat(place(key), " is '", text, "', which no machine has; write for example ", key, ": ", quantity.example));
  return value;
}

template <class T>
std::vector<T> YamlMap::list(const std::string& key, T low, T high, const std::string& expected) const {
  if (!has(key)) fail(key, cat(place(key), " is missing; expected ", expected));
  const YAML::Node values = node_[key];
  if (!values.IsSequence() || values.size() == 0)
    fail(key, cat(place(key), " is ", values.IsSequence() ? "an empty list" : what_it_is(values), "; expected ", expected));
  std::vector<T> result;
  for (const auto& item : values) {
    T value{};
    if (!item.IsScalar() || !read_number(item.Scalar(), value) || !(value >= low && value <= high))
      throw InputError(
          cat(position(file_, item.Mark()), place(key), "[", result.size(), "] is ", what_it_is(item), "; expected ", expected));
    result.push_back(value);
  }
  return result;
}

std::vector<int> YamlMap::counts(const std::string& key, int most) const {
  return list(key, 1, most, cat("a list of whole numbers from 1 to ", most, ", for example ", key, ": [4, 4]"));
}

std::vector<double> YamlMap::numbers(const std::string& key, double low, double high) const {
  return list(key, low, high, cat("a list of numbers from ", low, " to ", high, ", for example ", key, ": [2]"));
}

std::vector<std::string> YamlMap::texts(const std::string& key, const std::string& example) const {
  const std::string expected = cat("expected a list of texts, for example ", key, ": ", example);
  if (!has(key)) fail(key, cat(place(key), " is missing; ", expected));
  const YAML::Node list = node_[key];
  if (!list.IsSequence() || list.size() == 0)
    fail(key, cat(place(key), " is ", list.IsSequence() ? "an empty list" : what_it_is(list), "; ", expected));
  std::vector<std::string> result;
  for (const auto& item : list) {
    if (!item.IsScalar() || item.Scalar().empty())
      throw InputError(cat(position(file_, item.Mark()), place(key), "[", result.size(), "] is ", what_it_is(item), "; ", expected));
    result.push_back(item.Scalar());
  }
  return result;
}

YamlMap YamlMap::map(const std::string& key, const std::vector<std::string>& keys, const std::string& example) const {
  if (!has(key)) fail(key, cat(place(key), " is missing; expected a map, for example ", key, ": ", example));
  const YAML::Node value = node_[key];
  if (!value.IsMap()) fail(key, cat(place(key), " is ", what_it_is(value), "; expected a map, for example ", key, ": ", example));
  return {value, file_, place(key), keys};
}

YamlMap YamlMap::map_of_any(const std::string& key, const std::string& example) const {
  std::vector<std::string> keys;
  if (is_map(key))
    for (const auto& entry : node_[key])
      if (entry.first.IsScalar()) keys.push_back(entry.first.Scalar());
  return map(key, keys, example);
}

std::vector<YamlMap> YamlMap::maps(const std::string& key, const std::vector<std::string>& keys,
                                   const std::string& example) const {
  const std::string expected = cat("expected a list of maps, for example ", key, ": ", example);
  if (!has(key)) fail(key, cat(place(key), " is missing; ", expected));
  const YAML::Node list = node_[key];
  if (!list.IsSequence() || list.size() == 0)
    fail(key, cat(place(key), " is ", list.IsSequence() ? "an empty list" : what_it_is(list), "; ", expected));
  std::vector<YamlMap> result;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = cat(place(key), "[", i, "]");
    if (!list[i].IsMap()) fail(key, cat(where, " is ", what_it_is(list[i]), "; ", expected));
    result.push_back({list[i], file_, where, keys});
  }
  return result;
}

std::vector<std::string> YamlMap::present_keys() const {
  std::vector<std::string> keys;
  for (const auto& entry : node_) keys.push_back(entry.first.Scalar());
  return keys;
}

namespace {

/// The number of bytes of the UTF-8 character that begins here; 0 when none does.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::size_t length = byte(0) < 0x80                      ? 1
                             : byte(0) >= 0xf0 && byte(0) < 0xf5 ? 4
                             : byte(0) >= 0xe0                   ? 3
                             : byte(0) >= 0xc2                   ? 2
                                                                 : 0;
  if (length == 0 || length > text.size() || byte(0) >= 0xf5) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if (byte(i) < 0x80 || byte(i) >= 0xc0) return 0;
  const bool overlong = (length == 3 && byte(0) == 0xe0 && byte(1) < 0xa0) || (length == 4 && byte(0) == 0xf0 && byte(1) < 0x90);
  const bool beyond = (length == 3 && byte(0) == 0xed && byte(1) >= 0xa0) || (length == 4 && byte(0) == 0xf4 && byte(1) >= 0x90);
  return overlong || beyond ? 0 : length;
}

/// Throws an InputError at the first byte that is not UTF-8, or is a zero: a parser may take it for something else.
void require_text(const std::string& text, const std::string& file) {
  int line = 1;
  int column = 1;
  for (std::size_t i = 0; i < text.size(); ++column) {
    const std::size_t length = text[i] == '\0' ? 0 : utf8_length(std::string_view(text).substr(i));
    if (length == 0) throw InputError(cat(file, ":", line, ":", column, ": not text in UTF-8; save the file as UTF-8"));
    if (text[i] == '\n') {
      ++line;
      column = 0;
    }
    i += length;
  }
}

}  // namespace

YamlMap parse_yaml_map(const std::string& yaml, const std::string& file, const std::vector<std::string>& keys) {
  require_text(yaml, file);
  try {
    const YAML::Node root = YAML::Load(yaml);
    if (!root.IsMap()) throw InputError(cat(file, ":1:1: the file must be a map of keys and values, and is ", what_it_is(root)));
    return {root, file, "", keys};
  } catch (const YAML::Exception& error) {
    throw InputError(cat(position(file, error.mark), "not YAML: ", error.msg));
  }
}

}  // namespace convoy
