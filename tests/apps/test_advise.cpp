/// advise and failures as people type them.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/apps/command.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a dimension that has one value only is refused, and the help leaves out what advise chooses") {
  const command::Result refused = command::run("advise --ranks 4 --batch 32 --cluster dgx-v100 --vary zero");
  CHECK(refused.exit_code == 2);
  CHECK(contains(refused.err, "changes nothing in plan data; try plans too: --vary plan,zero"));
  const std::string help = command::run("advise --help").out;
  CHECK(contains(help, "--precision"));
  CHECK_FALSE(contains(help, "\n  --zero"));
  CHECK(contains(command::run("advise --zero 2 --cluster dgx-v100").err, "advise chooses --zero by itself"));
}

TEST_CASE("advise names the fastest of what it simulated, with a command that says the same") {
  const std::string fixed = "--model lenet5 --ranks 4 --batch 32 --cluster dgx-v100 ";
  const command::Result result =
      command::run("advise " + fixed + "--iterations 3 --vary plan,accumulate --json advice.json --csv advice.csv");
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const nlohmann::json json = nlohmann::json::parse(command::read("advice.json"));
  const nlohmann::json& counts = json.at("counts");
  CHECK(counts.at("refused").get<int>() + counts.at("too_large").get<int>() + counts.at("beaten_by_formula").get<int>() +
            counts.at("simulated").get<int>() ==
        counts.at("candidates").get<int>());
  const double best_s = json.at("best").at("step_time_s");
  for (const nlohmann::json& candidate : json.at("candidates"))
    if (candidate.contains("step_time_s") && !candidate.at("step_time_s").is_null())
      CHECK(candidate.at("step_time_s").get<double>() >= best_s);
  CHECK(contains(result.out, json.at("simulate").get<std::string>()));
  CHECK(contains(result.out, json.at("train").get<std::string>()));
  const std::string simulate = json.at("simulate").get<std::string>().substr(std::string("convoy ").size());
  REQUIRE(command::run(simulate + " --json one.json").exit_code == 0);
  CHECK(nlohmann::json::parse(command::read("one.json")).at("step_time_s").get<double>() == Approx(best_s));
  const std::string csv = command::read("advice.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == counts.at("candidates").get<int>() + 1);
}

TEST_CASE("advise refuses what it chooses itself, and says when nothing fits") {
  const command::Result chosen = command::run("advise --ranks 2 --cluster dgx-v100 --zero 1");
  CHECK(chosen.exit_code == 2);
  CHECK(contains(chosen.err, "advise chooses --zero by itself"));
  const std::string one_image = "advise --model lenet5 --ranks 4 --batch 7 --cluster dgx-v100 --vary accumulate";
  const command::Result one = command::run(one_image);
  CHECK(one.exit_code == 2);
  CHECK(contains(one.err, "has one value for 7 images a step on 4 ranks; write --batch 8 or more"));
  CHECK(command::run("advise --model lenet5 --ranks 4 --batch 8 --cluster dgx-v100 --vary accumulate").exit_code == 0);
  const command::Result pipelines = command::run("advise --model lenet5 --ranks 4 --batch 4 --cluster dgx-v100 --vary order");
  CHECK(contains(pipelines.err, "try plans too: --vary plan,order"));
  command::write("tiny.yaml",
                 "name: tiny\nnodes: 1\nnode:\n  devices: 2\n  device: {name: tiny, peak: {fp32: 1TFLOP/s}, memory_bandwidth: "
                 "100GB/s, memory: 64KiB}\n  link: {bandwidth: 10GB/s, latency: 2us}\n");
  const command::Result full = command::run("advise --model lenet5 --ranks 2 --batch 8 --vary plan --cluster ./tiny.yaml");
  CHECK(full.exit_code == 3);
  CHECK(contains(full.err, "no plan is left"));
}

TEST_CASE("failures: the simulated goodput is that of the formula, within what single runs differ by") {
  const command::Result result = command::run(
      "failures --model lenet5 --ranks 16 --batch 64 --cluster dgx-v100 --node-mtbf 10h --link-mtbf 40h --checkpoint-time 20s "
      "--restart 60s --interval 30min --steps 2000000000 --runs 40 --json failures.json");
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const nlohmann::json json = nlohmann::json::parse(command::read("failures.json"));
  CHECK(json.at("mtbf_s").get<double>() == Approx(3600 / (2 / 10.0 + 8 / 40.0)));  // two nodes with four links each
  for (const nlohmann::json& row : json.at("intervals")) {
    CAPTURE(row.dump());
    const double goodput = row.at("goodput"), expected = row.at("expected_goodput"), one = row.at("goodput_deviation_of_a_run");
    CHECK(std::abs(goodput - expected) <= 4 * one / std::sqrt(40.0));
    CHECK(goodput < 1);
  }
  const command::Result never = command::run("failures --model lenet5 --ranks 8 --cluster dgx-v100 --node-mtbf never");
  CHECK(never.exit_code == 2);
  CHECK(contains(never.err, "nothing ever fails"));
}
