#include "reference/io/weights_file.h"

#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/io/file.h"
#include "reference/io/host.h"

namespace convoy {
namespace {

using nlohmann::json;

static_assert(std::endian::native == std::endian::little, "weights files are little-endian");

constexpr std::size_t kLengthBytes = 8;

/// The extents of a tensor as PyTorch has them: a vector for biases and norms, a matrix for Linear, four for convolutions.
std::vector<int> extents_of(const Model& model, const Parameter& parameter) {
  const Shape& s = parameter.shape;
  const Layer& layer = model.nodes[static_cast<std::size_t>(parameter.node)].layer;
  const bool is_matrix = std::holds_alternative<Linear>(layer) && parameter.name.ends_with(".weight");
  if (is_matrix) return {s.n, static_cast<int>(s.sample_count())};
  if (std::holds_alternative<Conv2d>(layer) && parameter.name.ends_with(".weight")) return {s.n, s.c, s.h, s.w};
  return {s.c};
}

std::string text_of(const std::vector<int>& extents) { return json(extents).dump(); }

void append(const Model& model, const std::vector<Parameter>& tensors, const std::vector<double>& values, json& header,
            std::string& data) {
  for (const Parameter& tensor : tensors) {
    const std::size_t begin = data.size();
    for (std::int64_t i = 0; i < tensor.shape.count(); ++i) {
      const auto value = static_cast<float>(values.at(static_cast<std::size_t>(tensor.offset + i)));
      data.append(std::bit_cast<std::array<char, sizeof value>>(value).data(), sizeof value);
    }
    header[tensor.name] = {{"dtype", "F32"}, {"shape", extents_of(model, tensor)}, {"data_offsets", {begin, data.size()}}};
  }
}

/// A file taken apart.
struct Contents {
  json header;
  std::string_view data;
};

Contents parse(const std::string& path, const std::string& bytes) {
  const auto refuse = [&](const std::string& why) {
    throw InputError(cat("'", path, "' is not a safetensors file: ", why, "; write one with: convoy train --save FILE"));
  };
  std::uint64_t length = 0;
  if (bytes.size() < kLengthBytes) refuse(cat("it has ", bytes.size(), " bytes"));
  std::memcpy(&length, bytes.data(), kLengthBytes);
  if (length > bytes.size() - kLengthBytes)
    refuse(cat("its header should have ", length, " bytes, and only ", bytes.size() - kLengthBytes, " follow"));
  Contents contents;
  contents.header = json::parse(bytes.substr(kLengthBytes, length), nullptr, false);
  if (!contents.header.is_object()) refuse("its header is not JSON");
  contents.data = std::string_view(bytes).substr(kLengthBytes + length);
  return contents;
}

void read_tensor(const std::string& path, const Model& model, const Contents& contents, const Parameter& tensor,
                 std::vector<double>& values) {
  const auto found = contents.header.find(tensor.name);
  const std::string expected = text_of(extents_of(model, tensor));
  if (found == contents.header.end())
    throw InputError(cat("'", path, "' has no tensor '", tensor.name, "' ", expected, ", which ", model.name,
                         " needs; was it written for another model?"));
  const json& entry = *found;
  if (!entry.is_object() || entry.value("dtype", "") != "F32" || !entry.contains("shape") || !entry.contains("data_offsets"))
    throw InputError(cat("'", path, "': tensor '", tensor.name, "' must have dtype F32, a shape and data_offsets"));
  if (entry["shape"].dump() != expected)
    throw InputError(
        cat("'", path, "': tensor '", tensor.name, "' has shape ", entry["shape"].dump(), ", ", model.name, " needs ", expected));
  const json& offsets = entry["data_offsets"];
  const bool numbers =
      offsets.is_array() && offsets.size() == 2 && offsets[0].is_number_unsigned() && offsets[1].is_number_unsigned();
  const std::uint64_t begin = numbers ? offsets[0].get<std::uint64_t>() : 0;
  const std::uint64_t end = numbers ? offsets[1].get<std::uint64_t>() : 0;
  const auto count = static_cast<std::uint64_t>(tensor.shape.count());
  if (!numbers || end < begin || end - begin != count * sizeof(float) || end > contents.data.size())
    throw InputError(cat("'", path, "': the values of tensor '", tensor.name, "' are not all there (", contents.data.size(),
                         " bytes of values in the file)"));
  for (std::uint64_t i = 0; i < count; ++i) {
    float value = 0;
    std::memcpy(&value, contents.data.data() + begin + i * sizeof value, sizeof value);
    values.push_back(value);
  }
}

}  // namespace

void write_weights_file(const std::string& path, const Model& model, const ModelValues& values) {
  json header;
  header["__metadata__"] = {{"model", model.name}, {"convoy", tool_version()}};
  std::string data;
  append(model, parameters(model), values.weights, header, data);
  append(model, states(model), values.states, header, data);
  std::string text = header.dump();
  text.append((kLengthBytes - text.size() % kLengthBytes) % kLengthBytes, ' ');  // values begin on a multiple of 8
  const auto length = std::bit_cast<std::array<char, kLengthBytes>>(static_cast<std::uint64_t>(text.size()));
  write_file_atomically(path, std::string(length.data(), length.size()) + text + data);
}

ModelValues read_weights_file(const std::string& path, const Model& model) {
  const std::string bytes = read_file(path);
  const Contents contents = parse(path, bytes);
  ModelValues values;
  std::map<std::string, bool> known = {{"__metadata__", true}};
  for (const Parameter& tensor : parameters(model)) {
    read_tensor(path, model, contents, tensor, values.weights);
    known[tensor.name] = true;
  }
  for (const Parameter& tensor : states(model)) {
    read_tensor(path, model, contents, tensor, values.states);
    known[tensor.name] = true;
  }
  for (const auto& [name, entry] : contents.header.items())
    if (!known.contains(name))
      throw InputError(
          cat("'", path, "' has a tensor '", name, "' that ", model.name, " does not know; was it written for another model?"));
  return values;
}

}  // namespace convoy
