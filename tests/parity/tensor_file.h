/// Tensors on their way to Python: the safetensors format, written straight down (8 bytes length of the header, the header in
/// JSON, the values in float32). Independent of reference/io, whose reader is tested elsewhere.
#pragma once

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "reference/core/error.h"
#include "reference/core/shape.h"

namespace convoy::parity {

class TensorFile {
 public:
  void add(const std::string& name, std::span<const float> values, const std::vector<std::int64_t>& shape) {
    const std::size_t begin = bytes_.size();
    bytes_.resize(begin + values.size_bytes());
    if (!values.empty()) std::memcpy(bytes_.data() + begin, values.data(), values.size_bytes());
    header_[name] = {{"dtype", "F32"}, {"shape", shape}, {"data_offsets", {begin, bytes_.size()}}};
  }
  void add(const std::string& name, std::span<const float> values, const Shape& shape) {
    add(name, values, std::vector<std::int64_t>{shape.n, shape.c, shape.h, shape.w});
  }
  void add(const std::string& name, double value) {
    const auto rounded = static_cast<float>(value);
    add(name, std::span(&rounded, 1), std::vector<std::int64_t>{});
  }
  /// What is no tensor, as text.
  void describe(const std::string& key, const nlohmann::json& value) { header_["__metadata__"][key] = value.dump(); }

  void write(const std::string& path) const {
    const std::string header = header_.dump();
    const std::uint64_t length = header.size();
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), sizeof(length));
    file.write(header.data(), static_cast<std::streamsize>(header.size()));
    file.write(bytes_.data(), static_cast<std::streamsize>(bytes_.size()));
    file.close();
    if (!file) throw std::runtime_error("cannot write " + path);
  }

 private:
  nlohmann::json header_ = nlohmann::json::object();
  std::vector<char> bytes_;
};

}  // namespace convoy::parity
