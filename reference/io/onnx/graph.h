/// OnnxGraph: what an ONNX file says, as plain values. Reading the file needs protobuf and is done in one place (read_graph.cpp);
/// turning the graph into a Model (to_model.cpp) needs the standard library only.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace convoy {

/// A tensor that the file holds: learned values, or the numbers with which an operator is set.
struct OnnxTensor {
  std::vector<std::int64_t> extents;
  std::vector<double> values;  ///< row-major; as many as the product of the extents
};

/// One operator in place, with its attributes by name.
struct OnnxNode {
  std::string op;    ///< "Conv"
  std::string name;  ///< "/layer1/layer1.0/conv1/Conv", or made from op and index where the file gives none
  std::vector<std::string> inputs;
  std::vector<std::string> outputs;
  std::map<std::string, double> floats = {};
  std::map<std::string, std::vector<std::int64_t>> ints = {};  ///< single numbers too
  std::map<std::string, std::string> strings = {};
  std::map<std::string, OnnxTensor> tensors = {};
};

struct OnnxGraph {
  std::string name;
  std::vector<OnnxNode> nodes;  ///< in topological order, as ONNX demands
  std::map<std::string, OnnxTensor> constants;
  std::string input;                        ///< name of the images
  std::vector<std::int64_t> input_extents;  ///< N,C,H,W; what the file leaves open is 0
  std::string output;                       ///< the first output of the graph
};

/// Whether this program was built with the libraries that reading takes.
bool can_read_onnx();

/// Takes the bytes of an ONNX file apart. `file` is what messages call it. An InputError says what is wrong: not such a file,
/// values kept in another file, a tensor of a type that is not read, or a program built without ONNX.
OnnxGraph read_onnx_graph(std::span<const std::byte> bytes, const std::string& file);

}  // namespace convoy
