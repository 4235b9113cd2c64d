/// Weights files: what training made of a network, in the safetensors format, whatever plan made it.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "reference/core/dtype.h"
#include "reference/io/safetensors.h"
#include "reference/model/model.h"

namespace convoy {

/// Values of a model, and what else stands in the same file.
struct WeightsFile {
  ModelValues values;
  std::vector<double> momentum = {};                   ///< of the weights, in their order; empty: the file has none
  /// Of each rank what compression has left behind of its gradients, in the order of the weights; empty: nobody compresses so.
  std::vector<std::vector<double>> compression_errors = {};
  std::vector<std::vector<double>> own_momenta = {};  ///< likewise, of ranks that keep momentum of their own
  std::map<std::string, std::string> metadata = {};    ///< texts, those below included
};

/// One tensor for each learned tensor and running statistic, under PyTorch's name ("conv1.weight", "norm.running_mean"), and
/// one for the momentum of each learned tensor where there is momentum ("optimizer.momentum.conv1.weight"), in float32 or float64;
/// a vector for each rank with something left behind ("optimizer.compression_error.0") or momentum of its own
/// ("optimizer.own_momentum.0").
/// The metadata names the model and the version that wrote it ("model", "convoy"). Written as write_file_atomically() does.
void write_weights_file(const std::string& path, const Model& model, const WeightsFile& file, DType dtype = DType::f32);
/// The same with nothing but the values, in float32.
void write_weights_file(const std::string& path, const Model& model, const ModelValues& values);

/// Reads it back. An InputError names the file and what is wrong: not this format, cut short, a tensor that is missing, unknown
/// or of another shape, with what the model expects.
WeightsFile parse_weights_file(std::span<const std::byte> bytes, const std::string& name, const Model& model);
WeightsFile read_weights_and_more(const std::string& path, const Model& model);
/// The values alone.
ModelValues read_weights_file(const std::string& path, const Model& model);

}  // namespace convoy
