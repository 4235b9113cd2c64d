/// Weights files: back as they were written, in the format that others read, and refused when they are not what they should be.
#include <cstring>
#include <nlohmann/json.hpp>

#include "reference/core/error.h"
#include "reference/io/file.h"
#include "reference/io/weights_file.h"
#include "reference/model/builder.h"
#include "reference/model/zoo.h"
#include "tests/catch.h"
#include "tests/data/temporary_folder.h"

using namespace convoy;

namespace {

Model with_norm(int filters = 3) {
  ModelBuilder net("with_norm", {1, 2, 5, 5}, 4);
  net.add("conv", Conv2d{filters, square_window(3), false});
  net.add("norm", BatchNorm2d{});
  net.add("flatten", Flatten{});
  net.add("fc", Linear{4});
  return net.finish();
}

/// Another value at every place, all of them floats.
ModelValues numbered(const Model& model) {
  ModelValues values = initial_values(model, 1);
  float next = 0.5F;
  for (std::vector<double>* each : {&values.weights, &values.states})
    for (double& value : *each) value = static_cast<double>(next += 0.25F);
  return values;
}

std::string refusal(const std::string& path, const Model& model) {
  try {
    (void)read_weights_file(path, model);
  } catch (const InputError& error) {
    return error.what();
  }
  return "read without a word";
}

}  // namespace

TEST_CASE("weights and running statistics come back as they were written") {
  const TemporaryFolder folder;
  for (const Model& model : {with_norm(), make_lenet5(), make_model("resnet20")}) {
    const ModelValues values = numbered(model);
    write_weights_file(folder.file("w.safetensors"), model, values);
    REQUIRE(read_weights_file(folder.file("w.safetensors"), model) == values);
  }
}

TEST_CASE("the file is what safetensors says: length, header in JSON, values") {
  const TemporaryFolder folder;
  const Model model = with_norm();
  write_weights_file(folder.file("w"), model, numbered(model));
  const std::string bytes = read_file(folder.file("w"));
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  REQUIRE(length % 8 == 0);
  const nlohmann::json header = nlohmann::json::parse(bytes.substr(8, length));
  REQUIRE(header["__metadata__"]["model"] == "with_norm");
  REQUIRE(header["conv.weight"]["shape"] == nlohmann::json({3, 2, 3, 3}));
  REQUIRE(header["fc.weight"]["shape"] == nlohmann::json({4, 27}));
  REQUIRE(header["norm.running_var"]["shape"] == nlohmann::json({3}));
  std::uint64_t end = 0;
  for (const auto& [name, entry] : header.items())
    if (name != "__metadata__") end = std::max(end, entry["data_offsets"][1].get<std::uint64_t>());
  REQUIRE(bytes.size() == 8 + length + end);
  float first = 0;
  std::memcpy(&first, bytes.data() + 8 + length, sizeof first);
  REQUIRE(first == 0.75F);
}

TEST_CASE("a file that does not fit is refused with what is wrong") {
  const TemporaryFolder folder;
  const std::string path = folder.file("w");
  write_weights_file(path, with_norm(), numbered(with_norm()));
  REQUIRE(refusal(path, with_norm(4)).find("tensor 'conv.weight' has shape") == std::string::npos);  // fc comes first
  REQUIRE(refusal(path, with_norm(4)).find("has shape [4,27], with_norm needs [4,36]") != std::string::npos);
  REQUIRE(refusal(path, make_lenet5()).find("has no tensor 'fc3.weight' [10,84], which lenet5 needs") != std::string::npos);

  const std::string bytes = read_file(path);
  write_file_atomically(path, bytes.substr(0, bytes.size() - 1));
  REQUIRE(refusal(path, with_norm()).find("are not all there") != std::string::npos);
  write_file_atomically(path, bytes.substr(0, 30));
  REQUIRE(refusal(path, with_norm()).find("is not a safetensors file: its header should have") != std::string::npos);
  write_file_atomically(path, "short");
  REQUIRE(refusal(path, with_norm()).find("is not a safetensors file: it has 5 bytes") != std::string::npos);

  Model smaller = with_norm();
  std::get<Linear>(smaller.nodes[3].layer).bias = false;
  write_file_atomically(path, bytes);
  REQUIRE(refusal(path, smaller).find("has a tensor 'fc.bias' that with_norm does not know") != std::string::npos);
  REQUIRE(refusal(folder.file("nothing"), with_norm()).find("nothing") != std::string::npos);
}
