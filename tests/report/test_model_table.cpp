#include "simulator/report/model_table.h"

#include <nlohmann/json.hpp>
#include <set>

#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "tests/catch.h"

using namespace convoy;

TEST_CASE("the totals of a model are the sums worked out by hand for LeNet-5") {
  // Multiply-adds an image: conv1 6*28*28*25, conv2 16*10*10*6*25, fc1 400*120, fc2 120*84, fc3 84*10.
  const std::vector<ModelRow> rows = model_rows(make_model("lenet5"), 2, DType::f32);
  const ModelRow total = total_of(rows);
  CHECK(total.parameters == 61'706);
  double products = 0;
  for (const ModelRow& row : rows)
    if (row.parameters > 0) products += row.backward_weights.flops - static_cast<double>(row.output.count());  // less the biases
  CHECK(products == 2.0 * 2 * (117'600 + 240'000 + 48'000 + 10'080 + 840));
}

TEST_CASE("the first layer has no gradient of its input and pooling none of weights") {
  const std::vector<ModelRow> rows = model_rows(make_model("lenet5"), 1, DType::f32);
  CHECK(rows[0].backward_input == Work{});
  CHECK(rows[0].backward_weights.flops > 0);
  for (std::size_t i = 1; i < rows.size(); ++i) {
    CAPTURE(rows[i].name);
    CHECK((rows[i].backward_weights == Work{}) == (rows[i].parameters == 0));
  }
  CHECK(rows.back().backward_input.flops > 0);
}

TEST_CASE("twice the batch is twice the work and the activations, not the parameters") {
  const ModelRow one = total_of(model_rows(make_model("lenet5"), 1, DType::f32));
  const ModelRow two = total_of(model_rows(make_model("lenet5"), 2, DType::f32));
  CHECK(two.forward.flops == 2 * one.forward.flops);
  CHECK(two.activation_bytes == 2 * one.activation_bytes);
  CHECK(two.parameters == one.parameters);
  CHECK(total_of(model_rows(make_model("lenet5"), 1, DType::f64)).activation_bytes == 2 * one.activation_bytes);
}

TEST_CASE("what is kept for backward is what the ops of backward read") {
  for (const char* name :
       {"lenet5", "alexnet", "resnet18", "densenet121", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2"}) {
    CAPTURE(name);
    const Model model = make_model(name);
    const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = 1, .global_batch = 2}));
    const Program& program = schedule.program(0);
    std::set<int> read;
    for (const Op& op : program.ops) {
      const auto* compute = std::get_if<Compute>(&op.action);
      if (compute == nullptr || (compute->kind != ComputeKind::backward_input && compute->kind != ComputeKind::backward_weights &&
                                 compute->kind != ComputeKind::gradient_statistics))
        continue;
      for (const Operand& operand : compute->operands)
        if (operand.role == Role::x || operand.role == Role::y) read.insert(operand.region.buffer);
    }
    std::int64_t bytes = 0;
    for (const int buffer : read) {
      const Buffer& kept = program.buffers[static_cast<std::size_t>(buffer)];
      if (kept.kind == BufferKind::activation) bytes += element_count(kept) * size_bytes(kept.dtype);
    }
    CHECK(total_of(model_rows(model, 2, DType::f32)).kept_bytes == bytes);
  }
}

TEST_CASE("the JSON of a model has a layer for each node and the published number of parameters") {
  for (const ZooEntry& entry : zoo()) {
    CAPTURE(entry.name);
    const Model model = entry.make();
    const auto json = model_json(model, 1, DType::f32);
    CHECK(json.at("parameters") == entry.published_parameters);
    CHECK(json.at("layers").size() == model.nodes.size());
    const std::string table = model_table(model, 1, DType::f32);
    for (const Node& node : model.nodes) CHECK(table.find(node.name) != std::string::npos);
  }
  CHECK(zoo_json().at("models").size() == zoo().size());
}
