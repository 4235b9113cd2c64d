#include "reference/core/error.h"
#include "reference/io/plan_file.h"

namespace convoy {

bool is_plan_file(const std::string& word) {
  return word.ends_with(".yaml") || word.ends_with(".yml") || word.find('/') != std::string::npos;
}

bool parse_statistics(const std::string& word) {
  if (word != "local" && word != "synchronised") throw_unknown_word("kind of statistics", word, {"local", "synchronised"});
  return word == "synchronised";
}

}  // namespace convoy
