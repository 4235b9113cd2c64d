/// safetensors: named tensors in a file, the format of github.com/huggingface/safetensors.
///
///   8 bytes: length of the header, little-endian | the header, JSON | the values, little-endian
///
/// The header has for each tensor its "dtype", "shape" and "data_offsets" [begin, end) in the values, and may have texts under
/// "__metadata__". Files of ours carry a checksum among these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "reference/core/dtype.h"

namespace convoy {

/// A tensor in the bytes of a file.
struct StoredTensor {
  std::string dtype;  ///< "F32", "F64", ...
  std::vector<std::int64_t> shape;
  std::span<const std::byte> bytes;
};

/// A file taken apart; the tensors lie in its bytes, which must outlive this.
struct SafeTensors {
  std::map<std::string, std::string> metadata;
  std::map<std::string, StoredTensor> tensors;
};

/// Takes a file apart and checks all of it: lengths, JSON, that every tensor has the bytes of its shape and that the tensors cover
/// the values without gaps, and where there is a checksum that no bit has changed. An InputError names the file (`name`) and what
/// is wrong.
SafeTensors parse_safetensors(std::span<const std::byte> bytes, const std::string& name);

/// The values of a tensor, which must be F32 or F64; an InputError otherwise.
std::vector<double> values_of(const StoredTensor& tensor, const std::string& tensor_name, const std::string& file_name);

/// A tensor to be written, in the type that the writer chooses.
struct TensorValues {
  std::string name;
  std::vector<std::int64_t> shape;
  std::span<const double> values;
};

/// The bytes of a file with these tensors in `dtype` (f32 or f64), these texts and a checksum ("checksum": 64 bits of FNV-1a over
/// the whole file, its own 16 digits taken as zeros, so that any changed byte shows).
std::string to_safetensors(const std::vector<TensorValues>& tensors, const std::map<std::string, std::string>& metadata,
                           DType dtype);

/// The bytes of a text, as parse functions take them.
inline std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

}  // namespace convoy
