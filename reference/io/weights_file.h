/// Weights files: what training made of a network, in the safetensors format, whatever plan made it.
#pragma once

#include <string>

#include "reference/model/model.h"

namespace convoy {

/// One tensor for each learned tensor and running statistic, under PyTorch's name ("conv1.weight", "norm.running_mean") and in
/// float32; the metadata names the model and the version that wrote it. Format: 8 bytes length of the header, little-endian; the
/// header in JSON; the values, little-endian (github.com/huggingface/safetensors). Written to a temporary file first.
void write_weights_file(const std::string& path, const Model& model, const ModelValues& values);

/// Reads it back. An InputError names the file and what is wrong: not this format, cut short, a tensor that is missing, unknown
/// or of another shape, with what the model expects.
ModelValues read_weights_file(const std::string& path, const Model& model);

}  // namespace convoy
