/// OnnxBytes: ONNX files written field by field, by the format's definition (onnx.proto) and not by its library.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <vector>

namespace convoy::onnx_bytes {

/// protobuf: a field is a varint (number * 8 + wire type), then its value.
inline std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80U; value >>= 7U) bytes += static_cast<char>(value | 0x80U);
  return bytes + static_cast<char>(value);
}
inline std::string number(int field, std::int64_t value) {
  return varint(static_cast<std::uint64_t>(field) * 8) + varint(static_cast<std::uint64_t>(value));
}
inline std::string bytes_of(int field, const std::string& value) {
  return varint(static_cast<std::uint64_t>(field) * 8 + 2) + varint(value.size()) + value;
}
inline std::string single(int field, float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  std::string bytes = varint(static_cast<std::uint64_t>(field) * 8 + 5);
  for (unsigned shift = 0; shift < 32; shift += 8) bytes += static_cast<char>((bits >> shift) & 0xffU);
  return bytes;
}

// AttributeProto: name 1, f 2, i 3, s 4, t 5, ints 8, type 20 (1 FLOAT, 2 INT, 3 STRING, 4 TENSOR, 7 INTS).
inline std::string of_float(const std::string& name, float value) {
  return bytes_of(5, bytes_of(1, name) + single(2, value) + number(20, 1));
}
inline std::string of_int(const std::string& name, std::int64_t value) {
  return bytes_of(5, bytes_of(1, name) + number(3, value) + number(20, 2));
}
inline std::string of_text(const std::string& name, const std::string& value) {
  return bytes_of(5, bytes_of(1, name) + bytes_of(4, value) + number(20, 3));
}
inline std::string of_ints(const std::string& name, const std::vector<std::int64_t>& values) {
  std::string bytes = bytes_of(1, name);
  for (const std::int64_t value : values) bytes += number(8, value);
  return bytes_of(5, bytes + number(20, 7));
}

/// NodeProto: input 1, output 2, name 3, op_type 4, attribute 5; as field 1 of the graph.
inline std::string node(const std::string& op, const std::string& name, const std::vector<std::string>& inputs,
                        const std::string& output, const std::string& attributes = "") {
  std::string bytes;
  for (const std::string& input : inputs) bytes += bytes_of(1, input);
  return bytes_of(1, bytes + bytes_of(2, output) + bytes_of(3, name) + bytes_of(4, op) + attributes);
}

/// TensorProto: dims 1, data_type 2 (1 FLOAT, 7 INT64), name 8, raw_data 9; as field 5 of the graph. Value i is first + i/8.
inline std::string weights(const std::string& name, const std::vector<std::int64_t>& extents, float first = 0.5F) {
  std::string bytes;
  std::int64_t count = 1;
  for (const std::int64_t extent : extents) {
    bytes += number(1, extent);
    count *= extent;
  }
  std::string raw;
  for (std::int64_t i = 0; i < count; ++i) {
    const std::string value = single(1, first + static_cast<float>(i) / 8);
    raw += value.substr(value.size() - 4);
  }
  return bytes_of(5, bytes + number(2, 1) + bytes_of(8, name) + bytes_of(9, raw));
}
inline std::string integers(const std::string& name, const std::vector<std::int64_t>& values) {
  std::string raw;
  for (const std::int64_t value : values)
    for (unsigned shift = 0; shift < 64; shift += 8)
      raw += static_cast<char>((static_cast<std::uint64_t>(value) >> shift) & 0xffU);
  return bytes_of(5, number(1, static_cast<std::int64_t>(values.size())) + number(2, 7) + bytes_of(8, name) + bytes_of(9, raw));
}

/// ValueInfoProto: name 1, type 2 { tensor_type 1 { elem_type 1, shape 2 { dim 1 { dim_value 1, dim_param 2 } } } }. An extent of
/// 0 is left open.
inline std::string value(int field, const std::string& name, const std::vector<std::int64_t>& extents) {
  std::string shape;
  for (const std::int64_t extent : extents) shape += bytes_of(1, extent > 0 ? number(1, extent) : bytes_of(2, "batch"));
  return bytes_of(field, bytes_of(1, name) + bytes_of(2, bytes_of(1, number(1, 1) + bytes_of(2, shape))));
}

/// ModelProto: ir_version 1, graph 7, opset_import 8; GraphProto: name 2, input 11, output 12. `graph` holds nodes and weights.
inline std::string file(const std::string& graph, const std::vector<std::int64_t>& images = {0, 1, 8, 8},
                        const std::string& output = "y") {
  return number(1, 7) + bytes_of(7, graph + bytes_of(2, "main") + value(11, "x", images) + value(12, output, {0, 3})) +
         bytes_of(8, number(2, 13));
}

/// A network with most operators: Conv, BatchNormalization, Relu, a block with Add and Concat, both poolings behind a Pad,
/// Flatten, Gemm.
inline std::string small_network() {
  return file(
      weights("conv1.weight", {4, 1, 3, 3}, -0.3F) + weights("conv1.bias", {4}) + weights("bn1.weight", {4}) +
      weights("bn1.bias", {4}) + weights("bn1.running_mean", {4}) + weights("bn1.running_var", {4}, 1.0F) +
      weights("onnx::Conv_7", {4, 4, 1, 1}, -1.0F) + integers("pads", {0, 0, 1, 1, 0, 0, 1, 1}) + weights("fc.weight", {3, 32}) +
      weights("fc.bias", {3}) +
      node("Conv", "/conv1/Conv", {"x", "conv1.weight", "conv1.bias"}, "a",
           of_ints("pads", {1, 1, 1, 1}) + of_ints("kernel_shape", {3, 3})) +
      node("BatchNormalization", "/bn1/BatchNormalization",
           {"a", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var"}, "b",
           of_float("epsilon", 0.001F) + of_float("momentum", 0.75F)) +
      node("Relu", "/relu/Relu", {"b"}, "c") +
      node("Conv", "/layer1/layer1.0/conv2/Conv", {"c", "onnx::Conv_7"}, "d", of_ints("strides", {1, 1})) +
      node("Add", "/layer1/layer1.0/Add", {"d", "c"}, "e") +
      node("MaxPool", "/pool/MaxPool", {"e"}, "f", of_ints("kernel_shape", {2, 2}) + of_ints("strides", {2, 2})) +
      node("Pad", "/Pad", {"e", "pads"}, "g", of_text("mode", "constant")) +
      node("AveragePool", "/AveragePool", {"g"}, "h", of_ints("kernel_shape", {3, 3}) + of_ints("strides", {2, 2})) +
      node("Concat", "/Concat", {"f", "h"}, "i", of_int("axis", 1)) +
      node("AveragePool", "/avgpool/AveragePool", {"i"}, "j", of_ints("kernel_shape", {2, 2}) + of_ints("strides", {2, 2})) +
      node("Identity", "/Identity", {"j"}, "k") + node("GlobalAveragePool", "/unused/GlobalAveragePool", {"k"}, "l") +
      node("Flatten", "/Flatten", {"k"}, "m", of_int("axis", 1)) +
      node("Gemm", "/fc/Gemm", {"m", "fc.weight", "fc.bias"}, "y", of_int("transB", 1)));
}

}  // namespace convoy::onnx_bytes
