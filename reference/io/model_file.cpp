#include "reference/io/model_file.h"

#include <charconv>
#include <filesystem>
#include <span>

#include "reference/core/error.h"
#include "reference/io/file.h"
#include "reference/io/model_options.h"
#include "reference/io/onnx/to_model.h"
#include "reference/model/zoo.h"

namespace convoy {
namespace {

LoadedModel read_onnx(const std::string& path) {
  const std::string bytes = read_file(path);
  OnnxGraph graph = read_onnx_graph(std::as_bytes(std::span(bytes)), path);
  graph.name = std::filesystem::path(path).stem().string();
  ReadModel read = to_model(std::move(graph), path);
  return {std::move(read.model), std::move(read.values)};
}

int parse_classes(const std::string& text, const std::string& word) {
  int classes = 0;
  const auto [rest, status] = std::from_chars(text.data(), text.data() + text.size(), classes);
  if (status != std::errc{} || rest != text.data() + text.size() || classes < 1)
    throw InputError(cat("--model ", word, ": behind the / stands the number of classes, 1 or more, not '", text, "'"));
  return classes;
}

}  // namespace

LoadedModel load_model(const std::string& word) {
  if (word.ends_with(".onnx")) return read_onnx(word);
  const std::size_t slash = word.find('/');
  const std::string before = word.substr(0, slash);
  const std::size_t at = before.find('@');
  if (slash == std::string::npos && at == std::string::npos) return {make_model(word)};
  const int classes = slash == std::string::npos ? 0 : parse_classes(word.substr(slash + 1), word);
  const std::string image = at == std::string::npos ? "" : before.substr(at + 1);
  if (at != std::string::npos && image.empty())
    throw InputError(cat("--model ", word, ": behind the @ stand channels, rows and columns of an image, for example @1x28x28"));
  LoadedModel loaded{make_model(before.substr(0, at), model_options(classes, image))};
  loaded.model.name = word;
  return loaded;
}

}  // namespace convoy
