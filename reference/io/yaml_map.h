/// YamlMap: a map of a YAML file that says where in the file it is when something in it is wrong.
#pragma once

#include <yaml-cpp/yaml.h>

#include <functional>
#include <string>
#include <vector>

#include "reference/core/error.h"

namespace convoy {

/// How to read one kind of quantity from text with a unit, an example of it, and the values that make sense.
struct Quantity {
  std::function<double(std::string_view)> parse;
  std::string example;
  double low = 0;
  double high = 0;
  bool low_is_allowed = true;
};

/// Every function throws InputError("file:line:column: ...") for what is missing or cannot be used.
class YamlMap {
 public:
  /// `keys`: what may stand in the map; anything else, or a key that stands there twice, is an error. `path`: "node.nic", for
  /// messages.
  YamlMap(const YAML::Node& node, std::string file, std::string path, const std::vector<std::string>& keys);

  [[nodiscard]] bool has(const std::string& key) const;
  [[nodiscard]] std::string text(const std::string& key, const std::string& example) const;
  /// A whole number from 1 to 1,000,000.
  [[nodiscard]] int count(const std::string& key) const { return count(key, 1'000'000); }
  /// A whole number from 1 to `most`.
  [[nodiscard]] int count(const std::string& key, int most) const;
  /// f(text), whose InputErrors get the position of the value of `key`; `example` is a value that f takes.
  template <class F>
  [[nodiscard]] auto parsed(const std::string& key, const std::string& example, const F& f) const;
  [[nodiscard]] double number(const std::string& key, double low, double high) const;
  [[nodiscard]] double quantity(const std::string& key, const Quantity& quantity) const;
  /// A list of one whole number from 1 to `most`, or more.
  [[nodiscard]] std::vector<int> counts(const std::string& key, int most) const;
  /// A list of one number from `low` to `high`, or more.
  [[nodiscard]] std::vector<double> numbers(const std::string& key, double low, double high) const;
  /// A list of texts, at least one; `example` is such a list: "[conv2, fc1]".
  [[nodiscard]] std::vector<std::string> texts(const std::string& key, const std::string& example) const;
  [[nodiscard]] YamlMap map(const std::string& key, const std::vector<std::string>& keys, const std::string& example) const;
  /// The same with keys that are not known beforehand, as the names of nodes are.
  [[nodiscard]] YamlMap map_of_any(const std::string& key, const std::string& example) const;
  /// A list of one map or more, all with these keys.
  [[nodiscard]] std::vector<YamlMap> maps(const std::string& key, const std::vector<std::string>& keys,
                                          const std::string& example) const;
  [[nodiscard]] bool is_map(const std::string& key) const { return has(key) && node_[key].IsMap(); }
  [[nodiscard]] bool is_list(const std::string& key) const { return has(key) && node_[key].IsSequence(); }
  [[nodiscard]] std::vector<std::string> present_keys() const;
  /// "file:line:column: " of the value of a key, or of the map itself when it has no such key.
  [[nodiscard]] std::string position_of(const std::string& key) const;
  /// An InputError at the value of a key, or at the map itself when it has no such key.
  [[noreturn]] void fail(const std::string& key, const std::string& message) const;
  /// f(), whose InputErrors get the position of the value of `key`.
  [[nodiscard]] double at(const std::string& key, const std::function<double()>& f) const;

 private:
  [[nodiscard]] std::string scalar(const std::string& key, const std::string& expected) const;
  [[nodiscard]] std::string place(const std::string& key) const;
  template <class T>
  [[nodiscard]] std::vector<T> list(const std::string& key, T low, T high, const std::string& expected) const;

  YAML::Node node_;
  std::string file_;
  std::string path_;
};

template <class F>
auto YamlMap::parsed(const std::string& key, const std::string& example, const F& f) const {
  const std::string value = text(key, example);
  try {
    return f(value);
  } catch (const InputError& error) {
    fail(key, place(key) + ": " + error.what());
  }
}

/// The map at the root of a text. `file` is for messages.
YamlMap parse_yaml_map(const std::string& yaml, const std::string& file, const std::vector<std::string>& keys);

}  // namespace convoy
