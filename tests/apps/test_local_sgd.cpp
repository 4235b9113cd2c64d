/// Local SGD on the command line, and what is said about a pipeline that was left to itself.
#include "tests/apps/json_of.h"

using namespace convoy;
using command::contains;
using command::json_of;
using nlohmann::json;

TEST_CASE("local SGD is simulated, trained and refused by the same words") {
  const std::string simulate =
      "simulate --model resnet50 --ranks 8 --batch 256 --cluster v100-10gbe --plan local_sgd --local-steps ";
  const json one = json_of(simulate + "1"), eight = json_of(simulate + "8");
  CHECK(one.at("schedule").at("local_sgd") == json({{"steps", 1}, {"momentum", "average"}}));
  const auto phase = [](const json& run, const char* name) { return run.at("phases_s").at(name).get<double>(); };
  // Of a step: as much computed, and an eighth of the time for sums.
  CHECK(phase(eight, "forward") == Approx(phase(one, "forward")));
  CHECK(phase(eight, "all_reduce") == Approx(phase(one, "all_reduce") / 8).epsilon(0.01));
  CHECK(eight.at("step_time_s") < 0.8 * one.at("step_time_s").get<double>());
  CHECK(eight.at("images_per_s").get<double>() == Approx(256 / eight.at("step_time_s").get<double>()));
  for (const char* alone : {"restart", "keep"})  // only weights travel
    CHECK(json_of(simulate + "8 --local-momentum " + alone).at("phases_s").at("all_reduce") < 0.55 * phase(eight, "all_reduce"));

  REQUIRE(command::run("plan write --plan local_sgd --ranks 2 --batch 8 --local-steps 3 --output local.yaml").exit_code == 0);
  CHECK(contains(command::read("local.yaml"), "local_sgd: {steps: 3, momentum: average}"));
  CHECK(contains(command::run("schedule --plan local.yaml").out, " batch=24 batch_axis=0 local_steps=3"));
  CHECK(contains(command::run("plan show --plan local.yaml").out, "8 images a step"));
  const json trained = json_of("train --plan local.yaml --data synthetic --samples 64 --steps 5");
  CHECK(trained.at("images_per_s").get<double>() == Approx(8 / trained.at("step_time_s").get<double>()));

  const auto refused = [](const std::string& words, const std::string& expected) {
    const command::Result result = command::run("simulate --cluster dgx-v100 --ranks 2 --batch 8 " + words);
    CAPTURE(words, result.err);
    CHECK(result.exit_code == 2);
    CHECK(contains(result.err, expected));
  };
  refused("--plan data --local-steps 2", "--local-steps changes nothing in plan 'data'; it is for --plan local_sgd");
  refused("--plan local_sgd --local-steps 0", "--local-steps is 0; write 1 or more");
  refused("--plan local_sgd --local-momentum kept", "unknown fate of local momentum 'kept'. Known: average, restart, keep");
  refused("--plan local_sgd --compress int8", "leave --compress out");
}

TEST_CASE("a pipeline's stages, cuts and micro-batches are told, whoever chose them") {
  const command::Result shown = command::run("plan show --model lenet5 --plan pipeline --ranks 2 --batch 8 --json plan.json");
  REQUIRE(shown.exit_code == 0);
  CHECK(contains(shown.out, "node                   stage  rule"));
  const json plan = json::parse(command::read("plan.json"));
  REQUIRE(plan.at("pipeline").at("cuts").size() == 1);
  const std::string cut = plan.at("pipeline").at("cuts").at(0);
  int stage = 0;
  for (const json& row : plan.at("nodes")) {
    if (row.at("node") == "weights and gradients") continue;
    if (row.at("node") == cut) stage = 1;
    CHECK(row.at("stage") == std::to_string(stage));
  }
  CHECK(stage == 1);
  CHECK_FALSE(contains(command::run("plan show --model lenet5 --plan data --ranks 2").out, "stage"));

  const json simulated = json_of("simulate --model lenet5 --plan pipeline --ranks 2 --batch 8 --cluster dgx-v100");
  CHECK(simulated.at("simulation").at("pipeline") == plan.at("pipeline"));
  CHECK(simulated.at("simulation").at("pipeline").at("micro_batches") == 4);
  CHECK(
      json_of("plan show --model lenet5 --plan pipeline --ranks 2 --batch 8 --order interleaved").at("nodes").at(0).at("stage") ==
      "0, rank 0");
}
