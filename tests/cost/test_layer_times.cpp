// Somebody else's times of layers as CSV: what is read, what is refused, and what ops cost by it.
#include <cmath>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "reference/model/zoo.h"
#include "reference/plans/plan.h"
#include "simulator/cost/cost.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

std::string refusal(const std::string& csv) {
  try {
    (void)from_layer_times(parse_layer_times(csv, "t.csv"), make_lenet5(), free_compute());
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

/// What the rest costs, to be told from the file's times.
CostModel one_second() {
  return {[](const Program&, const Op&, const Compute&) { return 1.0; }, nullptr};
}

/// Sum of the times of a node's ops of these kinds in the program of rank 0.
double time_of(const Schedule& schedule, const Model& model, const CostModel& cost, const std::string& node,
               const std::vector<ComputeKind>& kinds) {
  double time_s = 0;
  const Program& program = schedule.program(0);
  for (const Op& op : program.ops)
    if (const auto* compute = std::get_if<Compute>(&op.action); compute != nullptr && compute->node >= 0)
      if (model.nodes[static_cast<std::size_t>(compute->node)].name == node &&
          std::find(kinds.begin(), kinds.end(), compute->kind) != kinds.end())
        time_s += cost.compute_s(program, op, *compute);
  return time_s;
}

const std::vector<ComputeKind> kForward = {ComputeKind::forward, ComputeKind::statistics};
const std::vector<ComputeKind> kBackward = {ComputeKind::backward_input, ComputeKind::backward_weights,
                                            ComputeKind::gradient_statistics};

}  // namespace

TEST_CASE("times of layers are interpolated over the images, and a whole backward pass is divided") {
  const Model model = make_lenet5();
  const LayerTimes times = parse_layer_times(
      "batch,pass,layer,note,time_ms\n"
      "32,forward,conv1,warm,0.8\n64,forward,conv1,warm,1.4\n"
      "32,backward,conv1,,1.0\n32,backward,conv2,,3.0\n32,backward_input,fc1,,0.5\n32,backward_weights,fc1,,0.25\n",
      "t.csv");
  REQUIRE(times.rows.size() == 6);
  const CostModel cost = from_layer_times(times, model, one_second());
  const auto of = [&](int batch, const char* node, const std::vector<ComputeKind>& kinds) {
    const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = 2, .global_batch = 2 * batch}));
    return time_of(schedule, model, cost, node, kinds);
  };
  CHECK(of(32, "conv1", kForward) == Approx(0.8e-3));
  CHECK(of(48, "conv1", kForward) == Approx(1.1e-3));
  CHECK(of(64, "conv1", kForward) == Approx(1.4e-3));
  CHECK(of(128, "conv1", kForward) == Approx(2.8e-3));  // in proportion
  CHECK(of(32, "conv1", kBackward) == Approx(1.0e-3));  // the first layer has no dx
  CHECK(of(32, "conv2", kBackward) == Approx(3.0e-3));
  CHECK(of(32, "conv2", {ComputeKind::backward_input}) == Approx(1.5e-3).epsilon(0.01));  // nearly as many FLOPs as dw
  CHECK(of(32, "fc1", kBackward) == Approx(0.75e-3));
  CHECK(of(32, "fc1", kForward) == Approx(1));  // not in the file
  const std::vector<std::string> missing = layers_without_times(times, model);
  CHECK(std::find(missing.begin(), missing.end(), "fc1 forward") != missing.end());
  CHECK(std::find(missing.begin(), missing.end(), "conv2 backward") == missing.end());
}

TEST_CASE("the statistics of BatchNorm2d are in its layer's time") {
  const Model model = make_resnet20();
  const std::string norm = [&] {
    for (const Node& node : model.nodes)
      if (std::holds_alternative<BatchNorm2d>(node.layer)) return node.name;
    return std::string();
  }();
  const LayerTimes times =
      parse_layer_times("layer,pass,batch,time_us\n" + norm + ",forward,8,70\n" + norm + ",backward,8,90\n", "t.csv");
  const CostModel cost = from_layer_times(times, model, one_second());
  const Schedule schedule = make_schedule(model, make_plan("data", {.ranks = 1, .global_batch = 8}));
  CHECK(time_of(schedule, model, cost, norm, kForward) == Approx(70e-6));
  CHECK(time_of(schedule, model, cost, norm, kBackward) == Approx(90e-6));
}

TEST_CASE("a file that cannot be used is refused with line and column") {
  CHECK(refusal("layer,pass,time_s\n").find("t.csv, line 1, column 1: there is no column batch") == 0);
  CHECK(refusal("layer,pass,batch,time\nconv1,forward,1,2\n").find("no column time_s, time_ms or time_us") != std::string::npos);
  CHECK(refusal("layer,pass,batch,time_s,time_ms\nconv1,forward,1,2,2\n").find("times in two units") != std::string::npos);
  CHECK(refusal("layer,pass,batch,time_s\n").find("no times below the header") != std::string::npos);
  CHECK(refusal("layer,pass,batch,time_s\nconv1,forwrad,1,2\n").find("t.csv, line 2, column 7: unknown pass 'forwrad'") == 0);
  CHECK(refusal("layer,pass,batch,time_s\nconv1,forward,1.5,2\n").find("t.csv, line 2, column 15: batch is 1.5") == 0);
  CHECK(refusal("layer,pass,batch,time_s\nconv1,forward,1,-2\n").find("t.csv, line 2, column 17: time_s is -2") == 0);
  CHECK(refusal("layer,pass,batch,time_s\nconv1,forward,1,x\n").find("is no number") != std::string::npos);
  CHECK(refusal("layer,pass,batch,time_s\nconv1,forward,1\n").find("there is no time_s") != std::string::npos);
  CHECK(refusal("layer,pass,batch,time_s\nconv1,forward,1,2\nconv1,forward,1,2\n")
            .find("t.csv, line 3, column 1: forward of conv1") == 0);
  CHECK(refusal("layer,pass,batch,time_s\nconv1,backward,1,2\nconv1,backward_input,1,2\n").find("and one of them beside it") !=
        std::string::npos);
  CHECK(refusal("layer,pass,batch,time_s\nconv9,forward,1,2\n")
            .find("t.csv, line 2, column 1: lenet5 has no layer 'conv9'; did you mean") == 0);
}

TEST_CASE("an op on a part of a layer has no time in the file") {
  const Model model = make_lenet5();
  const CostModel cost =
      from_layer_times(parse_layer_times("layer,pass,batch,time_s\nconv2,forward,8,1\n", "t.csv"), model, one_second());
  const Schedule schedule = make_schedule(model, make_plan("filter", {.ranks = 2, .global_batch = 8}));
  CHECK_THROWS_AS(time_of(schedule, model, cost, "conv2", kForward), InputError);
}
