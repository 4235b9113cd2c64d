/// Exported clusters under SimGrid's smpirun: the messages of another MPI program, and training. Runs the command that
/// 'convoy cluster export' prints.
#include <cmath>
#include <sstream>

#include "simulator/platform/cluster.h"
#include "tests/apps/json_of.h"

using namespace convoy;
using command::contains;
using nlohmann::json;

namespace {

bool found(const std::string& built, const std::string& else_said) {
  if (command::built(built)) return true;
  WARN(else_said);
  return false;
}

/// Exports so many ranks of a cluster, and returns the line that runs a program on them, with this one for ./program.
std::string smpirun_line(const std::string& cluster, int ranks, const std::string& program) {
  const command::Result written = command::run("cluster export " + cluster + " --ranks " + std::to_string(ranks) +
                                               " --output platform.xml --hostfile hosts.txt");
  INFO(written.err);
  REQUIRE(written.exit_code == 0);
  const std::size_t begin = written.out.find("  smpirun ");
  REQUIRE(begin != std::string::npos);
  std::string line = written.out.substr(begin, written.out.find('\n', begin) - begin);
  const std::string stand_in = "./program";
  REQUIRE(line.ends_with(stand_in));
  return line.replace(line.size() - stand_in.size(), stand_in.size(), program);
}

}  // namespace

TEST_CASE("under smpirun, messages on an exported cluster take latency + bytes / bandwidth") {
  if (!found("../tests/smpirun_ping.so", "no smpirun here: nothing was tested")) return;
  for (const auto& [name, ranks] : {std::pair{"ring-test", 3}, {"dgx-v100", 10}, {"mixed-p100-v100", 6}, {"abci-v100", 6}}) {
    const std::string line = smpirun_line(name, ranks, CONVOY_BIN_DIR "/../tests/smpirun_ping.so");
    const command::Result result = command::run_line(line + " 8 1000 1000000");
    CAPTURE(line, result.err);
    REQUIRE(result.exit_code == 0);
    const Network network(for_ranks(load_cluster(name), ranks));
    std::istringstream lines(result.out);
    int from = 0, to = 0, bytes = 0, count = 0;
    for (double time_s = 0; lines >> from >> to >> bytes >> time_s; ++count) {
      const LinkModel path = network.path(from, to);
      const double expected_s = path.latency_s + (bytes + 16) / path.bandwidth_bytes_per_s;  // 16: SMPI's envelope
      CAPTURE(from, to, bytes, time_s, expected_s);
      CHECK(std::abs(time_s - expected_s) <= 1e-9 * expected_s);
    }
    CHECK(count == 3 * ranks * (ranks - 1));
  }
}

TEST_CASE("training under smpirun comes to the weights and the times of --transport smpi") {
  if (!found("convoy-train-smpi.so", "built without CONVOY_FOR_SMPIRUN: scripts/test-smpirun tests this")) return;
  const std::string train =
      "train --data synthetic --samples 240 --steps 4 --epochs 2 --bucket 16KiB --batch 48 --cluster dgx-v100 ";
  struct Case {
    int ranks;
    const char* plan;
    const char* options;
  };
  for (const auto& [ranks, plan, options] :
       {Case{3, "", ""}, Case{4, "--plan hybrid --inside spatial --split 2", "-no-privatize"},
        Case{3, "--plan pipeline --micro-batches 6", ""}, Case{10, "--zero 3 --slow 1:2", ""}}) {
    CAPTURE(ranks, plan, options);
    const json direct = json::parse([&] {
      const command::Result result = command::run(train + plan + " --transport smpi --ranks " + std::to_string(ranks) +
                                                  " --save direct.safetensors --json direct.json");
      CAPTURE(result.err);
      REQUIRE(result.exit_code == 0);
      return command::read("direct.json");
    }());
    std::string line = smpirun_line("dgx-v100", ranks, CONVOY_BIN_DIR "/convoy-train-smpi.so " + train + plan);
    line.insert(line.find("smpirun") + 7, std::string(" ") + options);
    const command::Result result = command::run_line(line + " --save smpirun.safetensors --json smpirun.json");
    CAPTURE(line, result.err);
    REQUIRE(result.exit_code == 0);
    const json smpirun = json::parse(command::read("smpirun.json"));
    CHECK(command::read("smpirun.safetensors") == command::read("direct.safetensors"));
    CHECK(smpirun.at("clock") == "simulated");
    CHECK(smpirun.at("train_loss_per_epoch") == direct.at("train_loss_per_epoch"));
    const double direct_s = direct.at("step_time_s"), smpirun_s = smpirun.at("step_time_s");
    CHECK(std::abs(smpirun_s - direct_s) <= 1e-9 * direct_s);
  }
  const command::Result refused = command::run_line(
      smpirun_line("ring-test", 3, CONVOY_BIN_DIR "/convoy-train-smpi.so train --data synthetic --cluster ring-test --epochs 0"));
  CHECK(refused.exit_code != 0);
  const std::size_t said = refused.err.find("--epochs is 0");
  CHECK(said != std::string::npos);
  CHECK(refused.err.find("--epochs is 0", said + 1) == std::string::npos);
}
