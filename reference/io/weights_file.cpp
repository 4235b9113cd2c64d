#include "reference/io/weights_file.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "reference/core/error.h"
#include "reference/io/file.h"
#include "reference/io/host.h"
#include "reference/io/json_fields.h"

namespace convoy {
namespace {

using nlohmann::json;

constexpr const char* kMomentum = "optimizer.momentum.";
constexpr const char* kCompressionError = "optimizer.compression_error.";  // and the rank
constexpr const char* kOwnMomentum = "optimizer.own_momentum.";            // and the rank

/// The extents of a tensor as PyTorch has them: a vector for biases and norms, a matrix for Linear, four for convolutions.
std::vector<std::int64_t> extents_of(const Model& model, const Parameter& parameter) {
  const Shape& s = parameter.shape;
  const Layer& layer = model.nodes[static_cast<std::size_t>(parameter.node)].layer;
  const bool is_matrix = std::holds_alternative<Linear>(layer) && parameter.name.ends_with(".weight");
  if (is_matrix) return {s.n, s.sample_count()};
  if (std::holds_alternative<Conv2d>(layer) && parameter.name.ends_with(".weight")) return {s.n, s.c, s.h, s.w};
  return {s.c};
}

std::string text_of(const std::vector<std::int64_t>& extents) { return json_text(json(extents)); }

void list(const Model& model, const std::vector<Parameter>& tensors, const std::vector<double>& values, const std::string& prefix,
          std::vector<TensorValues>& listed) {
  for (const Parameter& tensor : tensors) {
    const auto begin = static_cast<std::size_t>(tensor.offset), count = static_cast<std::size_t>(tensor.shape.count());
    require(begin + count <= values.size(), "write_weights_file", values.size(), " values, too few for ", tensor.name);
    listed.push_back({prefix + tensor.name, extents_of(model, tensor), std::span(values).subspan(begin, count)});
  }
}

/// A vector for each rank.
void list_numbered(const std::vector<std::vector<double>>& of_ranks, const std::string& prefix, std::vector<TensorValues>& listed) {
  for (const std::vector<double>& values : of_ranks)
    listed.push_back({cat(prefix, &values - of_ranks.data()), {std::ssize(values)}, values});
}

/// Reads tensors of one file and remembers which.
class Picker {
 public:
  Picker(const std::string& name, const Model& model, const SafeTensors& file) : name_(name), model_(model), file_(file) {}

  std::vector<double> pick(const std::vector<Parameter>& tensors, const std::string& prefix) {
    std::vector<double> all;
    for (const Parameter& tensor : tensors) {
      const std::vector<double> values = pick_one(prefix + tensor.name, extents_of(model_, tensor));
      all.insert(all.end(), values.begin(), values.end());
    }
    return all;
  }

  /// Vectors of one value for each learned number under the numbers 0, 1, and so on, as many as there are.
  std::vector<std::vector<double>> pick_numbered(const std::string& prefix) {
    std::vector<std::vector<double>> all;
    while (file_.tensors.contains(cat(prefix, all.size())))
      all.push_back(pick_one(cat(prefix, all.size()), {parameter_count(model_)}));
    return all;
  }

  void require_nothing_else() const {
    for (const auto& [name, tensor] : file_.tensors)
      if (!known_.contains(name))
        throw InputError(cat("'", name_, "' has a tensor '", name, "' that ", model_.name,
                             " does not know; was it written for another model?"));
  }

 private:
  std::vector<double> pick_one(const std::string& tensor_name, const std::vector<std::int64_t>& extents) {
    const auto found = file_.tensors.find(tensor_name);
    if (found == file_.tensors.end())
      throw InputError(cat("'", name_, "' has no tensor '", tensor_name, "' ", text_of(extents), ", which ", model_.name,
                           " needs; was it written for another model?"));
    if (found->second.shape != extents)
      throw InputError(cat("'", name_, "': tensor '", tensor_name, "' has shape ", text_of(found->second.shape), ", ",
                           model_.name, " needs ", text_of(extents)));
    known_.insert(tensor_name);
    return values_of(found->second, tensor_name, name_);
  }

  const std::string& name_;
  const Model& model_;
  const SafeTensors& file_;
  std::set<std::string> known_;
};

}  // namespace

void write_weights_file(const std::string& path, const Model& model, const WeightsFile& file, DType dtype) {
  std::vector<TensorValues> tensors;
  list(model, parameters(model), file.values.weights, "", tensors);
  list(model, states(model), file.values.states, "", tensors);
  if (!file.momentum.empty()) list(model, parameters(model), file.momentum, kMomentum, tensors);
  list_numbered(file.compression_errors, kCompressionError, tensors);
  list_numbered(file.own_momenta, kOwnMomentum, tensors);
  std::map<std::string, std::string> metadata = file.metadata;
  metadata["model"] = model.name;
  metadata["convoy"] = tool_version();
  write_file_atomically(path, to_safetensors(tensors, metadata, dtype));
}

void write_weights_file(const std::string& path, const Model& model, const ModelValues& values) {
  write_weights_file(path, model, WeightsFile{.values = values});
}

WeightsFile parse_weights_file(std::span<const std::byte> bytes, const std::string& name, const Model& model) {
  const SafeTensors contents = parse_safetensors(bytes, name);
  Picker picker(name, model, contents);
  WeightsFile file;
  file.values.weights = picker.pick(parameters(model), "");
  file.values.states = picker.pick(states(model), "");
  const bool has_momentum = std::ranges::any_of(contents.tensors, [](const auto& t) { return t.first.starts_with(kMomentum); });
  if (has_momentum) file.momentum = picker.pick(parameters(model), kMomentum);
  file.compression_errors = picker.pick_numbered(kCompressionError);
  file.own_momenta = picker.pick_numbered(kOwnMomentum);
  picker.require_nothing_else();
  file.metadata = contents.metadata;
  return file;
}

WeightsFile read_weights_and_more(const std::string& path, const Model& model) {
  return parse_weights_file(bytes_of(read_file(path)), path, model);
}

ModelValues read_weights_file(const std::string& path, const Model& model) { return read_weights_and_more(path, model).values; }

}  // namespace convoy
