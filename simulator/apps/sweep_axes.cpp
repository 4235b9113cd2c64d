#include "simulator/apps/sweep_axes.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "reference/core/error.h"
#include "reference/core/fnv1a.h"
#include "reference/core/units.h"
#include "reference/io/file.h"
#include "reference/io/pipeline_words.h"
#include "reference/io/plan_file.h"
#include "simulator/report/range.h"

namespace convoy {
namespace {

/// The options that may be varied: those that change what is simulated in one word.
const std::vector<std::string> kMayVary = {"model",         "plan",           "split",       "inside",          "scheme",
                                           "gradients",     "statistics",     "ranks",       "batch",           "batch-per-rank",
                                           "overlap",       "bucket",         "all-reduce",  "algorithm",       "chunks",
                                           "channels",      "ranks-per-node", "precision",   "cluster",         "pipeline",
                                           "micro-batches", "order",          "stages",      "stages-per-rank", "recompute",
                                           "accumulate",    "optimiser",      "zero",        "compress",        "keep",
                                           "servers",       "servers-on",     "server-mode", "accept",          "bound",
                                           "local-steps",   "local-momentum", "cost",        "collectives",     "fidelity"};

int whole_number(const std::string& text, const std::string& in) {
  int value = 0;
  const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (status != std::errc{} || rest != text.data() + text.size() || value < 1)
    throw InputError(cat("--vary ", in, ": '", text, "' is not a whole number of 1 or more"));
  return value;
}

/// Options whose values are numbers, so that they can be given as a range.
bool counts(const std::string& option) {
  const std::vector<std::string> numbers = {"ranks",           "batch",          "batch-per-rank", "split",    "chunks",
                                            "channels",        "ranks-per-node", "bucket",         "pipeline", "micro-batches",
                                            "stages-per-rank", "accumulate",     "zero",           "servers",  "accept",
                                            "bound",           "local-steps"};
  return std::find(numbers.begin(), numbers.end(), option) != numbers.end();
}

/// "2..64:x2" -> 2 4 8 16 32 64; buckets in bytes.
std::vector<std::string> words_of(const RangeText& range, const std::string& option, const std::string& in) {
  const auto number = [&](const std::string& text) -> std::int64_t {
    return option == "bucket" ? parse_bytes(text) : whole_number(text, in);
  };
  const std::int64_t first = number(range.first);
  const std::int64_t last = number(range.last);
  if (first < 1 || last < first) throw InputError(cat("--vary ", in, ": FIRST must be 1 or more, and not above LAST"));
  std::vector<std::string> words = {cat(first)};
  for (std::int64_t value = first; value <= last / range.factor;) words.push_back(cat(value *= range.factor));
  return words;
}

/// "on,off" -> on off.
std::vector<std::string> words_of(const std::string& text, const std::string& in) {
  std::vector<std::string> words;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t comma = std::min(text.find(',', begin), text.size());
    if (comma == begin) throw InputError(cat("--vary ", in, ": an empty value"));
    words.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return words;
}

SweepAxis axis_of(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos)
    throw InputError(cat("--vary ", text, ": write OPTION=VALUES, for example ranks=2..64:x2 or overlap=on,off"));
  const std::string option = text.substr(0, equals);
  if (std::find(kMayVary.begin(), kMayVary.end(), option) == kMayVary.end())
    throw_unknown_word("option to vary", option, kMayVary);
  const std::string values = text.substr(equals + 1);
  const std::optional<RangeText> range = counts(option) ? parse_range(values) : std::nullopt;
  return {option, range ? words_of(*range, option, text) : words_of(values, text)};
}

/// The file that a word names: of "--cluster c.yaml@512", c.yaml.
std::string file_of(const std::string& option, const std::string& word) {
  const std::size_t at = option == "cluster" ? word.rfind('@') : std::string::npos;
  const bool sized = at != std::string::npos && word.find_first_not_of("0123456789", at + 1) == std::string::npos;
  return sized ? word.substr(0, at) : word;
}

/// Whether the word of an option names a file that is read, and nothing that comes with Convoy.
bool names_file(const std::string& option, const std::string& word) {
  if (option == "model") return word.ends_with(".onnx");
  if (option == "plan") return is_plan_file(word);
  if (option == "order") return is_order_file(word);
  if (option == "cluster") return word.find('/') != std::string::npos || word.ends_with(".yaml");
  return option == "profile";
}

}  // namespace

std::string vary_help() {
  std::string names;
  for (const std::string& option : kMayVary) names += cat(names.empty() ? "" : ", ", option);
  return cat("An option and its values: OPTION=A,B,C or, of numbers, OPTION=FIRST..LAST:xFACTOR; may be repeated. Options: ",
             names);
}

std::vector<SweepAxis> axes_of(const std::vector<std::string>& vary, const SweepWords& fixed) {
  std::vector<SweepAxis> axes;
  for (const std::string& text : vary) {
    SweepAxis axis = axis_of(text);
    for (const SweepAxis& other : axes)
      if (other.option == axis.option) throw InputError(cat(axis.option, " is varied twice; give all its values in one --vary"));
    if (std::find(fixed.begin(), fixed.end(), "--" + axis.option) != fixed.end())
      throw InputError(cat("--", axis.option, " is given and varied; take one away"));
    axes.push_back(std::move(axis));
  }
  return axes;
}

std::vector<SweepWords> combinations(const std::vector<SweepAxis>& axes) {
  std::vector<SweepWords> all = {{}};
  for (const SweepAxis& axis : axes) {
    std::vector<SweepWords> longer;
    for (const SweepWords& words : all) {
      for (const std::string& word : axis.words) {
        longer.push_back(words);
        longer.back().push_back(word);
      }
    }
    all = std::move(longer);
  }
  return all;
}

std::string point_name(const std::vector<SweepAxis>& axes, const SweepWords& values) {
  std::string name;
  for (std::size_t a = 0; a < axes.size(); ++a) name += cat(a == 0 ? "" : " ", axes[a].option, "=", values[a]);
  return name;
}

SweepColumns columns_of(const std::vector<SweepAxis>& axes, const SweepWords& fixed) {
  SweepColumns columns;
  for (const SweepAxis& axis : axes) columns.varied.push_back(axis.option);
  for (std::size_t i = 0; i + 1 < fixed.size(); i += 2) columns.fixed.emplace_back(fixed[i].substr(2), fixed[i + 1]);
  return columns;
}

void put_contents(SweepColumns& columns, const std::vector<SweepAxis>& axes) {
  const auto look = [&](const std::string& option, const std::string& word) {
    std::error_code ignored;
    const std::string file = file_of(option, word);
    if (!names_file(option, file) || !std::filesystem::is_regular_file(file, ignored)) return;
    Fnv1a contents;
    contents.add(std::string_view(read_file(file)));
    columns.contents[{option, word}] = contents.digits();
  };
  for (const auto& [option, word] : columns.fixed) look(option, word);
  for (const SweepAxis& axis : axes)
    for (const std::string& word : axis.words) look(axis.option, word);
}

}  // namespace convoy
