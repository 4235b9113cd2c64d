/// Plans on the command line: the same words on every verb, files, what cannot be, and 'convoy plan'.
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "tests/apps/command.h"
#include "tests/catch.h"

using namespace convoy;
using nlohmann::json;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const std::vector<std::string> kPlans = {
    "data", "data_parallel_root", "filter", "channel", "megatron", "spatial", "one_weird_trick", "pipeline",
    "hybrid --inside spatial"};

std::string plan_file(const std::string& mesh) { return "name: mine\nmesh: " + mesh + "\nbatch: 8\nbatch_axis: none\n"; }

}  // namespace

TEST_CASE("plan list names every plan, and every verb knows them") {
  const command::Result list = command::run("plan list");
  CHECK(list.exit_code == 0);
  const command::Result help = command::run("simulate --help");
  const command::Result train_help = command::run("train --help");
  for (const std::string& words : kPlans) {
    const std::string plan = words.substr(0, words.find(' '));
    CAPTURE(plan);
    CHECK(contains(list.out, plan));
    CHECK(contains(help.out, plan));
    CHECK(contains(train_help.out, plan));
  }
  for (const char* network : {"lenet5", "resnet20,", "resnet56,"}) {
    CHECK(contains(help.out, network));
    CHECK(contains(train_help.out, network));
  }
}

TEST_CASE("every plan is simulated on clusters with and without nodes") {
  for (const std::string& plan : kPlans)
    for (const char* model : {"lenet5", "resnet20"})
      for (const char* cluster : {"ring-test", "dgx-v100"}) {
        const std::string line =
            "simulate --ranks 4 --batch 8 --iterations 1 --plan " + plan + " --model " + model + " --cluster " + cluster;
        CAPTURE(line);
        const command::Result result = command::run(line);
        CAPTURE(result.err);
        CHECK(result.exit_code == 0);
        CHECK(contains(result.out, "step time"));
      }
}

TEST_CASE("every plan has a valid schedule in text, and ranks as tables") {
  for (const std::string& plan : kPlans) {
    CAPTURE(plan);
    const command::Result text = command::run("schedule --ranks 4 --batch 6 --plan " + plan);
    CHECK(text.exit_code == 0);
    command::write("schedule.txt", text.out);
    const command::Result checked = command::run("schedule --check schedule.txt");
    CAPTURE(checked.err, checked.out.substr(0, 500));
    CHECK(checked.exit_code == 0);
    CHECK(command::run("schedule --ranks 4 --batch 6 --rank 3 --plan " + plan).exit_code == 0);
  }
}

TEST_CASE("plan show prints placements, what is communicated and its bytes") {
  const command::Result shown = command::run("plan show --model lenet5 --plan filter --ranks 2 --batch 8 --json plan.json");
  CAPTURE(shown.err);
  REQUIRE(shown.exit_code == 0);
  CHECK(contains(shown.out, "lenet5, plan filter: 2 ranks (model 2), 8 images a step"));
  const json plan = json::parse(command::read("plan.json"));
  const auto node = [&](const std::string& name) {
    for (const json& row : plan.at("nodes"))
      if (row.at("node") == name) return row;
    return json();
  };
  const json conv2 = node("conv2");
  CHECK(conv2.at("rule") == "filter");
  CHECK(conv2.at("forward_placements") == "Replicate -> Shard(channels)");
  CHECK(conv2.at("backward_placements") == "Shard(channels) -> Partial");
  CHECK(conv2.at("forward").at("communication") == json({"all_gather"}));
  CHECK(conv2.at("backward").at("communication") == json({"reduce_scatter"}));
  // Half of 8 images of 6 x 14 x 14 floats.
  CHECK(conv2.at("forward").at("sent_bytes") == json({8 * 6 * 14 * 14 / 2 * 4, 8 * 6 * 14 * 14 / 2 * 4}));
  CHECK(conv2.at("backward").at("most_sent_bytes") == 8 * 6 * 14 * 14 / 2 * 4);
  CHECK(conv2.at("weight_bytes") == (16 * 6 * 25 + 16) / 2 * 4);
  CHECK(node("weights and gradients").at("backward").at("most_sent_bytes") == 0);
  CHECK(plan.at("provenance").at("nodes") == "formula");
  CHECK(contains(shown.out,
                 "conv2                  filter     Replicate -> Shard(channels)  all_gather          18.8 kB  "
                 "Shard(channels) -> Partial  reduce_scatter       18.8 kB  4.83 kB"));
}

TEST_CASE("a plan that was written is read by every verb, with what was typed before it") {
  REQUIRE(
      command::run("plan write --plan hybrid --inside filter --ranks 4 --batch 12 --bucket 64KiB --output h.yaml").exit_code ==
      0);
  const command::Result named = command::run("schedule --plan hybrid --inside filter --ranks 4 --batch 12 --bucket 64KiB");
  const command::Result read = command::run("schedule --plan h.yaml");
  CAPTURE(read.err);
  CHECK(read.exit_code == 0);
  CHECK(read.out == named.out);
  CHECK(contains(command::run("schedule --plan h.yaml --batch 8").out, " batch=8 "));
  CHECK(contains(command::run("schedule --plan h.yaml --batch-per-rank 5").out, " batch=20 "));
  CHECK(command::run("schedule --plan h.yaml --ranks 4").exit_code == 0);
  CHECK(command::run("plan write --plan h.yaml").out == command::read("h.yaml"));
  CHECK(contains(command::run("plan show --plan h.yaml").out, "Axis 'data' divides the images before everything else"));

  const command::Result trained =
      command::run("train --plan h.yaml --fusion off --layout nchw --data synthetic --samples 64 --steps 2 --json trained.json");
  CAPTURE(trained.err);
  REQUIRE(trained.exit_code == 0);
  const command::Result simulated = command::run("simulate --plan h.yaml --cluster ring-test --json simulated.json");
  REQUIRE(simulated.exit_code == 0);
  CHECK(command::run("compare trained.json simulated.json").exit_code == 0);
  CHECK(command::run("compare --run trained.json --cluster ring-test").exit_code == 0);
  REQUIRE(command::run(
              "simulate --plan hybrid --inside channel --ranks 4 --batch 12 --bucket 64KiB --cluster ring-test --json other.json")
              .exit_code == 0);
  const command::Result other = command::run("compare trained.json other.json");
  CHECK(other.exit_code == 2);
  CHECK(contains(other.err, "plan hybrid_filter and hybrid"));
}

TEST_CASE("what is measured of a plan is all that simulating it needs") {
  for (const char* plan : {"filter", "spatial", "one_weird_trick --scheme b", "data --gradients bf16"}) {
    CAPTURE(plan);
    const std::string words = std::string(" --ranks 2 --batch 8 --plan ") + plan;
    const command::Result measured = command::run("profile --data synthetic --steps 3 --profile-out p.json" + words);
    CAPTURE(measured.err);
    REQUIRE(measured.exit_code == 0);
    for (const char* overlap : {" --overlap on", " --overlap off"}) {
      const command::Result simulated = command::run("simulate --iterations 1 --profile p.json" + words + overlap);
      CAPTURE(simulated.err);
      CHECK(simulated.exit_code == 0);
    }
  }
  // The plan that was measured last is not this one.
  const command::Result lacking = command::run("simulate --plan channel --ranks 2 --batch 8 --profile p.json");
  CHECK(lacking.exit_code == 2);
  CHECK(contains(lacking.err, "the profile has no time for"));
  CHECK(contains(lacking.err, "measure it with: convoy profile --model lenet5 --plan channel --ranks 2 --batch 8"));
  CHECK_FALSE(contains(lacking.err, "simulating"));
}

TEST_CASE("what cannot be ends with 2 before anything starts, with the nearest that can") {
  command::write("filters.yaml", plan_file("[{axis: model, ranks: 8, strategy: filter}]"));
  command::write("typo.yaml", plan_file("[{axis: model, ranks: 2, strategy: fliter}]"));
  command::write("node.yaml",
                 plan_file("[{axis: model, ranks: 2, strategy: filter}]") + "overrides: {cnov1: {model: replicate}}\n");
  command::write("rule.yaml", plan_file("[{axis: model, ranks: 2, strategy: filter}]") + "overrides: {relu1: {model: filter}}\n");
  command::write("broken.txt", "F0 F1 B0 B1\nF0 B1 F1 B0\n");
  const std::vector<std::pair<std::string, std::string>> lines = {
      {"--plan spatial --ranks 64", "node 'conv1': 28 rows cannot be divided among 64 ranks"},
      {"--plan filter --ranks 8", "use at most 6 ranks"},
      {"--plan hybrid --ranks 6 --split 4", "6 ranks cannot be divided into groups of 4; use --split 3 or --ranks 8"},
      {"--plan hybrid --ranks 4 --inside data", "'data' inside"},
      {"--plan hybrid --ranks 4 --inside spatal", "did you mean 'spatial'?"},
      {"--plan hybrid --ranks 4 --split 0", "--split is 0"},
      {"--plan fliter", "did you mean 'filter'?"},
      {"--plan filter --split 2", "--split changes nothing in plan 'filter'; it is for --plan hybrid"},
      {"--plan filter --inside data", "--inside changes nothing"},
      {"--plan filter --scheme b", "--scheme changes nothing"},
      {"--plan one_weird_trick --scheme d", "unknown exchange scheme 'd'"},
      {"--plan one_weird_trick --scheme c --ranks 4 --batch 10", "use a multiple of 16 images"},
      {"--gradients f64", "unknown value of --gradients 'f64'"},
      {"--statistics globl", "unknown kind of statistics 'globl'"},
      {"--plan filters.yaml --ranks 4", "--ranks is 4, but the mesh of filters.yaml has 8 ranks; use --ranks 8"},
      {"--plan filters.yaml", "use at most 6 ranks"},
      {"--plan filters.yaml --split 2", "--split changes nothing in filters.yaml"},
      {"--plan typo.yaml", "typo.yaml:2:"},
      {"--plan node.yaml", "unknown node of lenet5 'cnov1'; did you mean 'conv1'?"},
      {"--plan rule.yaml", "node 'relu1': a ReLU cannot be divided by the rule 'filter'"},
      {"--plan none.yaml", "none.yaml"},
      {"--plan data --micro-batches 4", "--micro-batches changes nothing in plan 'data'"},
      {"--plan pipeline --micro-batches 9", "--micro-batches is 9, and a pipeline has 8 images a step"},
      {"--plan pipeline --micro-batches 0", "--micro-batches is 0; write 1 or more"},
      {"--plan pipeline --order gpip", "did you mean 'gpipe'?"},
      {"--plan pipeline --order 1f1b --stages-per-rank 2", "use --stages-per-rank 1 or --order interleaved"},
      {"--plan pipeline --stages conv2,fc1", "the pipeline has 2 stages, and 2 cuts are named"},
      {"--plan pipeline --stages conv22", "did you mean 'conv2'?"},
      {"--plan pipeline --recompute one", "'one' is no stage"},
      {"--plan pipeline --accumulate 2", "use --accumulate 1 and more --micro-batches"},
      {"--plan pipeline --order broken.txt", "broken.txt:2:4: rank 1: B1 waits for F1 of stage 1, which comes later in the same row"},
      {"--plan hybrid --ranks 6 --pipeline 2", "use --ranks 8"},
  };
  for (const auto& [words, expected] : lines) {
    for (const std::string& verb :
         {std::string("simulate --cluster dgx-v100"), std::string("train --data synthetic --samples 64")}) {
      const std::string batch =
          words.find("--batch") == std::string::npos ? " --batch 8" : "";  // 64 images are there to train on
      const std::string line = verb + " " + words + batch;
      CAPTURE(line);
      const command::Result result = command::run(line);
      CAPTURE(result.err);
      CHECK(result.exit_code == 2);
      CHECK(contains(result.err, expected));
      CHECK_FALSE(contains(result.err, "internal error"));
      CHECK(result.out.empty());
    }
  }
}

TEST_CASE("plans are swept like any option") {
  const command::Result swept =
      command::run("sweep --ranks 4 --batch 16 --cluster ring-test --vary plan=data,filter,megatron --json sweep.json");
  CAPTURE(swept.err);
  REQUIRE(swept.exit_code == 0);
  const json rows = json::parse(command::read("sweep.json")).at("rows");
  REQUIRE(rows.size() == 3);
  for (const json& row : rows) CHECK(row.at("step_time_s").get<double>() > 0);
  CHECK(rows[0].at("step_time_s") != rows[1].at("step_time_s"));
}

TEST_CASE("the order of a pipeline is drawn, and where it stands still") {
  const command::Result drawn = command::run("schedule --grid --plan pipeline --ranks 2 --micro-batches 2 --order gpipe --json grid.json");
  CAPTURE(drawn.err);
  REQUIRE(drawn.exit_code == 0);
  CHECK(contains(drawn.out, "time    rank 0  rank 1\n0       F0      .\n1       F1      F0\n2       .       F1\n"));
  CHECK(contains(drawn.out, "a rank stands idle for 33.3 % of 9 units of time"));
  CHECK(json::parse(command::read("grid.json")).at("rows").size() == 2);

  command::write("own.txt", "F0 F1 B1 B0\nF0 B0 F1 B1\n");
  const command::Result own = command::run("schedule --grid --plan pipeline --ranks 2 --order own.txt");
  CAPTURE(own.err);
  CHECK(own.exit_code == 0);
  CHECK(contains(own.out, "own.txt: 2 ranks, 1 stage each, 2 micro-batches"));
  CHECK(command::run("train --data synthetic --samples 64 --batch 8 --plan pipeline --ranks 2 --order own.txt").exit_code == 0);

  command::write("stuck.txt", "F0 B0 F1 B1\nF0 F1 B0 B1\n");
  const command::Result stuck = command::run("schedule --grid --plan pipeline --ranks 2 --order stuck.txt");
  CHECK(stuck.exit_code == 2);
  CHECK(contains(stuck.out, "stuck   B0?     F1?"));
  CHECK(contains(stuck.out, "stuck.txt:1:4: rank 0: B0 waits for B0 of stage 1; rank 1 stands in front of F1 and does that later"));
  CHECK(command::run("schedule --grid --plan data").exit_code == 2);
}
