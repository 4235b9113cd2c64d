/// The words about a pipeline: in plan files, in reports, and as they are typed.
#include "reference/io/pipeline_words.h"

#include "reference/core/error.h"
#include "reference/io/plan_file.h"
#include "reference/io/report.h"
#include "tests/catch_text.h"

using namespace convoy;

namespace {

std::string complaint(const std::string& pipeline) {
  try {
    (void)parse_plan("name: p\nmesh: [{axis: pipeline, ranks: 2, strategy: pipeline}]\nbatch: 8\nbatch_axis: none\n" + pipeline, "p.yaml");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a pipeline is the same after its plan was written and read") {
  Plan plan = make_plan("hybrid", {.ranks = 8, .global_batch = 16, .split = 2, .inside = "filter", .pipeline = 2});
  REQUIRE(parse_plan(to_yaml(plan), "p.yaml") == plan);
  plan.pipeline = {.micro_batches = 3,
                   .order = kOwnOrder,
                   .table = {"F0 F1 F2 B2 B1 B0", "F0 B0 F1 B1 F2 B2"},
                   .cuts = {"conv2"},
                   .recompute = {0, 1}};
  REQUIRE(parse_plan(to_yaml(plan), "p.yaml") == plan);
  plan.pipeline = {.micro_batches = 4, .order = "interleaved", .stages_per_rank = 3, .cuts = {"a", "b", "c"}};
  REQUIRE(parse_plan(to_yaml(plan), "p.yaml") == plan);
}

TEST_CASE("what a plan file says wrong about a pipeline is told with its place") {
  const auto says = [](const std::string& pipeline, const std::string& part) {
    CAPTURE(pipeline, complaint(pipeline), part);
    REQUIRE(complaint(pipeline).find(part) != std::string::npos);
  };
  REQUIRE(complaint("pipeline: {micro_batches: 4, order: gpipe}").empty());
  says("pipeline: {micro_batches: 0}", "p.yaml:5:27: pipeline.micro_batches is '0'");
  says("pipeline: {order: 1f1}", "p.yaml:5:19: pipeline.order: unknown order '1f1'; did you mean '1f1b'");
  says("pipeline: {order: own}", "goes with a table");
  says("pipeline: {table: [F0 B0]}", "goes with a table");
  says("pipeline: {recompute: [first]}", "'first' is no stage");
  says("pipeline: {cuts: conv2}", "expected a list of texts");
  REQUIRE_THROWS_WITH(parse_plan("name: p\nmesh: [{axis: data, ranks: 2, strategy: data}]\nbatch: 8\nbatch_axis: data\n"
                                 "pipeline: {micro_batches: 2}", "p.yaml"),
                      containing("no axis of the mesh has strategy: pipeline"));
}

TEST_CASE("words that were typed become settings, and settings words again") {
  PipelineChoice choice;
  put({.micro_batches = 6, .order = "interleaved", .stages = "conv2, fc1,fc2", .recompute = "0,2"}, choice);
  REQUIRE(choice.settings.stages_per_rank == 2);
  REQUIRE(choice.settings.cuts == std::vector<std::string>{"conv2", "fc1", "fc2"});
  REQUIRE(to_words(choice) == " --micro-batches 6 --order interleaved --stages-per-rank 2 --stages conv2,fc1,fc2 --recompute 0,2");
  put({.recompute = "all"}, choice);
  REQUIRE(settings_of(choice, {}, 2).recompute == std::vector<int>{0, 1, 2, 3});
  put({.recompute = "none"}, choice);
  REQUIRE(settings_of(choice, {}, 2).recompute.empty());
  REQUIRE(settings_of({}, {.micro_batches = 8}, 4).micro_batches == 8);
  REQUIRE_THROWS_AS(split_list("a,,b"), InputError);
  REQUIRE_THROWS_AS(split_list("a,"), InputError);

  RunReport report;
  report.schedule.model = "lenet5";
  report.schedule.plan = "pipeline";
  report.schedule.ranks = 2;
  report.schedule.global_batch = 12;
  report.schedule.pipeline = choice;
  report.set_times({.iterations = 1, .step_time_s = 1}, "simulated");
  const RunReport back = parse_run_report(to_json(report), "r.json");
  REQUIRE(back.schedule == report.schedule);
  REQUIRE(plan_of(back.schedule) == plan_of(report.schedule));
}
