#include "reference/io/onnx/graph.h"

#ifdef CONVOY_HAS_ONNX

#include <onnx/onnx_pb.h>

#include <cstring>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// More values than any network here has; a file that claims more is damaged.
constexpr std::int64_t kMostValues = std::int64_t{1} << 33;

[[noreturn]] void refuse(const std::string& file, const std::string& why) { throw InputError(cat("'", file, "' ", why)); }

/// Values of a tensor as the file stores them: packed in raw_data, or one by one.
template <class Stored, class Repeated>
std::vector<double> values_of(const onnx::TensorProto& tensor, const Repeated& listed, std::int64_t count,
                              const std::string& file) {
  std::vector<double> values;
  const std::string& raw = tensor.raw_data();
  const std::uint64_t stored = raw.empty() ? static_cast<std::uint64_t>(listed.size()) : raw.size() / sizeof(Stored);
  if (stored != static_cast<std::uint64_t>(count))
    refuse(file, cat("is damaged: tensor '", tensor.name(), "' should have ", count, " values and has ", stored));
  values.reserve(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    if (raw.empty()) {
      values.push_back(static_cast<double>(listed[static_cast<int>(i)]));
    } else {
      Stored value{};
      std::memcpy(&value, raw.data() + static_cast<std::size_t>(i) * sizeof value, sizeof value);
      values.push_back(static_cast<double>(value));
    }
  }
  return values;
}

OnnxTensor tensor_of(const onnx::TensorProto& tensor, const std::string& file) {
  OnnxTensor result;
  std::int64_t count = 1;
  for (const std::int64_t extent : tensor.dims()) {
    if (extent < 0 || (extent > 0 && count > kMostValues / extent))
      refuse(file, cat("is damaged: tensor '", tensor.name(), "' has an extent of ", extent));
    result.extents.push_back(extent);
    count *= extent;
  }
  if (tensor.data_location() == onnx::TensorProto::EXTERNAL)
    refuse(file, cat("keeps the values of '", tensor.name(),
                     "' in another file, which Convoy does not read; export it with all values inside (torch.onnx.export does "
                     "so for networks under 2 GB)"));
  switch (tensor.data_type()) {
    case onnx::TensorProto::FLOAT: result.values = values_of<float>(tensor, tensor.float_data(), count, file); break;
    case onnx::TensorProto::DOUBLE: result.values = values_of<double>(tensor, tensor.double_data(), count, file); break;
    case onnx::TensorProto::INT64: result.values = values_of<std::int64_t>(tensor, tensor.int64_data(), count, file); break;
    case onnx::TensorProto::INT32: result.values = values_of<std::int32_t>(tensor, tensor.int32_data(), count, file); break;
    default:
      refuse(file, cat("has tensor '", tensor.name(), "' of type ", onnx::TensorProto_DataType_Name(tensor.data_type()),
                       "; Convoy reads FLOAT, DOUBLE, INT32 and INT64: export the network in float32"));
  }
  return result;
}

OnnxNode node_of(const onnx::NodeProto& proto, int index, const std::string& file) {
  OnnxNode node{.op = proto.op_type(),
                .name = proto.name().empty() ? cat(proto.op_type(), "_", index) : proto.name(),
                .inputs = {proto.input().begin(), proto.input().end()},
                .outputs = {proto.output().begin(), proto.output().end()}};
  if (!proto.domain().empty() && proto.domain() != "ai.onnx") node.op = proto.domain() + "::" + node.op;
  for (const onnx::AttributeProto& attribute : proto.attribute()) {
    using Kind = onnx::AttributeProto;
    switch (attribute.type()) {
      case Kind::FLOAT: node.floats[attribute.name()] = static_cast<double>(attribute.f()); break;
      case Kind::INT: node.ints[attribute.name()] = {attribute.i()}; break;
      case Kind::INTS: node.ints[attribute.name()] = {attribute.ints().begin(), attribute.ints().end()}; break;
      case Kind::STRING: node.strings[attribute.name()] = attribute.s(); break;
      case Kind::TENSOR: node.tensors[attribute.name()] = tensor_of(attribute.t(), file); break;
      default: break;  // graphs and lists of strings: no operator that is read has one
    }
  }
  return node;
}

void read_input(const onnx::GraphProto& proto, OnnxGraph& graph, const std::string& file) {
  std::vector<const onnx::ValueInfoProto*> inputs;
  for (const onnx::ValueInfoProto& input : proto.input())
    if (!graph.constants.contains(input.name())) inputs.push_back(&input);
  if (inputs.size() != 1) refuse(file, cat("has ", inputs.size(), " inputs; Convoy reads networks with one, the images"));
  graph.input = inputs[0]->name();
  for (const auto& dim : inputs[0]->type().tensor_type().shape().dim()) graph.input_extents.push_back(dim.dim_value());
}

}  // namespace

bool can_read_onnx() { return true; }

OnnxGraph read_onnx_graph(std::span<const std::byte> bytes, const std::string& file) {
  onnx::ModelProto model;
  constexpr std::size_t most_bytes = 0x7fffffff;  // protobuf's own limit
  if (bytes.size() > most_bytes) refuse(file, "is larger than the 2 GB that an ONNX file can have");
  if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    refuse(file, "is not an ONNX file, or is cut short; write one with torch.onnx.export");
  if (!model.has_graph() || model.graph().node().empty() || model.graph().output().empty())
    refuse(file, "is not an ONNX file with a network in it; write one with torch.onnx.export");
  const onnx::GraphProto& proto = model.graph();
  OnnxGraph graph{.name = proto.name()};
  for (const onnx::TensorProto& tensor : proto.initializer()) graph.constants[tensor.name()] = tensor_of(tensor, file);
  for (int i = 0; i < proto.node_size(); ++i) graph.nodes.push_back(node_of(proto.node(i), i, file));
  read_input(proto, graph, file);
  graph.output = proto.output(0).name();
  return graph;
}

}  // namespace convoy

#else

#include "reference/core/error.h"

namespace convoy {

bool can_read_onnx() { return false; }

OnnxGraph read_onnx_graph(std::span<const std::byte>, const std::string& file) {
  throw InputError(cat("'", file,
                       "' cannot be read: this build of Convoy is without ONNX. Install libonnx-dev and "
                       "libprotobuf-dev, then configure and build again"));
}

}  // namespace convoy

#endif
