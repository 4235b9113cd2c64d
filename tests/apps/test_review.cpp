/// Mistakes that were made once: what was ignored, what came too late, and what said less than it should.
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/apps/command.h"
#include "tests/catch.h"

using namespace convoy;
using nlohmann::json;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

json json_of(const std::string& line) {
  const command::Result result = command::run(line + " --json -");
  INFO(line);
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  return json::parse(result.out);
}

void refused(const std::string& line, const std::string& expected) {
  CAPTURE(line);
  const command::Result result = command::run(line);
  CAPTURE(result.out, result.err);
  CHECK(result.exit_code == 2);
  CHECK(contains(result.err, expected));
  CHECK_FALSE(contains(result.err, "simulating"));
}

/// A profile of LeNet-5 as convoy-train writes it, measured once for all tests.
const json& measured_profile() {
  static const json profile = [] {
    const command::Result done = command::run("profile --ranks 2 --batch-per-rank 16 --steps 2 --profile-out review.json");
    INFO(done.err);
    REQUIRE(done.exit_code == 0);
    return json::parse(command::read("review.json"));
  }();
  return profile;
}

}  // namespace

TEST_CASE("a profile that lacks an op ends with 2 and a sentence that names it") {
  json profile = measured_profile();
  json entries = json::array();
  for (const json& entry : profile.at("entries"))
    if (entry.at("node") != "conv2") entries.push_back(entry);
  REQUIRE(entries.size() < profile.at("entries").size());
  profile["entries"] = entries;
  command::write("lacks.json", profile.dump());
  for (const char* line :
       {"simulate --ranks 2 --batch 32 --profile lacks.json", "sweep --batch-per-rank 16 --profile lacks.json --vary ranks=2"}) {
    CAPTURE(line);
    const command::Result result = command::run(line);
    CAPTURE(result.err);
    CHECK(result.exit_code == 2);
    CHECK(contains(result.err, "the profile has no time for 'conv2."));
  }
}

TEST_CASE("the efficiency of a sweep is that of simulate, in whatever order values come") {
  const std::string point = " --model vgg16 --ranks 8 --batch-per-rank 4 --cluster v100-10gbe --iterations 1";
  for (const auto& [option, first, second] : {std::tuple{"bucket", "64KiB", "100MiB"}, std::tuple{"overlap", "off", "on"}}) {
    for (const std::string& order : {std::string(first) + "," + second, std::string(second) + "," + first}) {
      const json rows = json_of("sweep" + point + " --vary " + option + "=" + order).at("rows");
      REQUIRE(rows.size() == 2);
      for (const json& row : rows) {
        CAPTURE(row.dump());
        const json alone = json_of("simulate" + point + " --" + option + " " + row.at(option).get<std::string>());
        CHECK(row.at("efficiency").get<double>() ==
              Approx(alone.at("simulation").at("scaling_efficiency").get<double>()).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("the result of every verb says what made it and where its values are from") {
  REQUIRE(command::run("simulate --ranks 2 --cluster dgx-v100 --json k1.json").exit_code == 0);
  REQUIRE(command::run("simulate --ranks 2 --cluster v100-10gbe --json k2.json").exit_code == 0);
  command::write("k.txt", command::run("schedule --ranks 2").out);
  for (const char* line :
       {"train --data synthetic --samples 64 --steps 1 --ranks 2 --batch 32", "profile --ranks 2 --batch-per-rank 4 --steps 1",
        "simulate --ranks 2 --cluster dgx-v100", "sweep --cluster dgx-v100 --vary ranks=1,2", "compare k1.json k2.json",
        "schedule --ranks 2", "schedule --check k.txt", "collective --ranks 4 --cluster ring-test",
        "collective --ranks 2 --bytes 1KiB --run", "model", "model lenet5", "cluster", "cluster show dgx-v100", "doctor"}) {
    CAPTURE(line);
    const json result = json_of(line);
    for (const char* key : {"version", "command", "date", "host", "seed", "provenance"}) {
      CAPTURE(key);
      CHECK(result.contains(key));
    }
    CHECK(result.at("provenance").is_object());
    CHECK_FALSE(result.at("provenance").empty());
    for (const auto& [value, source] : result.at("provenance").items()) {
      CAPTURE(value);
      CHECK((source == "measured" || source == "simulated" || source == "formula"));
    }
  }
  CHECK(json_of("simulate --ranks 2 --cluster dgx-v100").at("seed").is_null());
  const json sweep = json_of("sweep --cluster dgx-v100 --vary ranks=1,2");
  CHECK(sweep.at("provenance").at("memory_bytes") == "formula");
  CHECK(sweep.at("provenance").at("step_time_s") == "simulated");
  CHECK(json_of("collective --ranks 2 --bytes 1KiB --run").at("provenance").at("busbw_bytes_per_s") == "measured");
}

TEST_CASE("a run and a simulation that was not told how it ran: compare says what to type") {
  REQUIRE(command::run("train --data synthetic --samples 128 --batch 32 --steps 3 --ranks 2 --json ran.json").exit_code == 0);
  REQUIRE(command::run("simulate --ranks 2 --batch 32 --cluster two-core-machine --json sim.json").exit_code == 0);
  const command::Result refused = command::run("compare ran.json sim.json");
  CAPTURE(refused.err);
  REQUIRE(refused.exit_code == 2);
  CHECK(contains(refused.err, "fusion on and off, layout blocked and nchw"));
  // The sentence has the command: it is typed, and then both can be compared.
  const std::size_t begin = refused.err.find("'convoy simulate") + 8, end = refused.err.find('\'', begin);
  REQUIRE(begin > 8);
  REQUIRE(end != std::string::npos);
  REQUIRE(command::run(refused.err.substr(begin, end - begin)).exit_code == 0);
  CHECK(command::run("compare ran.json sim.json").exit_code == 0);
  CHECK(command::run("compare --run ran.json --cluster two-core-machine").exit_code == 0);
}

TEST_CASE("what a verb cannot use is refused, not ignored") {
  const std::vector<std::pair<std::string, std::string>> lines = {
      {"collective --ranks 2 --cluster ring-test --run", "--cluster"},
      {"compare a.json b.json --cluster dgx-v100", "--cluster is for --run"},
      {"compare a.json b.json --iterations 2", "--iterations is for --run"},
      {"schedule --check k.txt --model lenet5", "--model"},
      {"schedule --check k.txt --rank 0", "--rank"},
      {"schedule --ranks 2 --rank -1", "--rank is -1"},
      {"schedule --ranks 1048577", "1048576"},
      {"simulate --ranks 2000000000 --cluster dgx-v100", "1048576"},
      {"collective --ranks 1048577 --cluster ring-test", "1048576"},
      {"model --batch -5", "--batch is -5"},
      {"model --batch 5", "--batch needs a network"},
      {"simulate --cluster dgx-v100 --timeline -", "--timeline takes a file"},
      {"sweep --cluster dgx-v100 --vary ranks=1,2 --csv -", "--csv takes a file"},
      {"profile --profile-out -", "--profile-out takes a file"},
      {"profile --cluster-out -", "--cluster-out takes a file"},
      {"simulate --cluster dgx-v100 --timeline /nowhere/t.json", "/nowhere/t.json"},
      {"simulate --cluster dgx-v100 --json /nowhere/t.json", "/nowhere/t.json"},
      {"sweep --cluster dgx-v100 --vary ranks=1,2 --csv /nowhere/t.csv", "/nowhere/t.csv"},
      {"profile --profile-out /nowhere/p.json", "/nowhere/p.json"},
      {"sweep --cluster dgx-v100 --vary ranks=2,two", "ranks=two"},
      {"sweep --cluster dgx-v100 --vary ranks=2,2000", "1024"},
      {"sweep --cluster dgx-v100 --vary ranks=1,2 --vary ranks=4", "varied twice"},
      {"sweep --cluster dgx-v100 --ranks 2 --vary ranks=1,2", "given and varied"},
      {"sweep --cluster dgx-v100 --batch 8 --vary batch-per-rank=1,2", "batch-per-rank=1"},
      {"sweep --clutser dgx-v100 --vary ranks=1,2", "did you mean '--cluster'"},
      {"simulate --model vgg16x --cluster dgx-v100", "vgg16"},
      {"collective --ranks 4 --bytes 64 --chunks 5 --cluster ring-test", "at most 4 parts"},
      {"collective all_to_all --ranks 3 --bytes 64 --cluster ring-test", "one size"},
      {"collective all_gather --algorithm recursive_doubling --ranks 6 --cluster ring-test", "power of two"},
      {"collective --algorithm hierarchical --ranks 12 --cluster dgx-v100", "do not fill nodes of 8"},
      {"collective --channels 65 --cluster ring-test", "--channels is 65"},
      {"collective --algorithm auto --channels 2 --cluster ring-test", "--channels would change nothing"},
      {"collective --algorithm auto --run", "name that"},
  };
  for (const auto& [line, expected] : lines) refused(line, expected);
  CHECK(command::run("collective --ranks 4 --bytes 64 --chunks 4 --cluster ring-test").exit_code == 0);
  CHECK(command::run("collective --ranks 4 --bytes 4 --cluster ring-test").exit_code == 0);
  CHECK(json_of("model lenet5 --batch-per-rank 7").at("batch") == 7);
  CHECK(json_of("sweep --cluster dgx-v100 --vary bucket=1MiB..4MiB:x2").at("rows").size() == 3);
}

TEST_CASE("the largest batch of a single rank does not overflow") {
  const command::Result result = command::run("simulate --ranks 2 --batch 2147483647 --iterations 1 --cluster dgx-v100");
  CAPTURE(result.err);
  CHECK(result.exit_code != 1);
  CHECK_FALSE(contains(result.err, "is -"));
}

TEST_CASE("a profile that was measured otherwise is used with a warning") {
  const std::string machine = measured_profile().at("machine").get<std::string>();
  const std::string like_measured = command::run("simulate --ranks 2 --batch 32 --profile review.json").err;
  CAPTURE(like_measured);
  CHECK_FALSE(contains(like_measured, "warning"));
  CHECK(contains(command::run("simulate --ranks 2 --batch 64 --profile review.json").err, "times of 32 are taken in proportion"));
  CHECK(contains(command::run("simulate --ranks 1 --batch 16 --profile review.json").err, "2 ranks at once"));
  CHECK(contains(command::run("simulate --ranks 2 --batch 32 --profile review.json --cluster dgx-v100").err,
                 "does not say that it is made of it"));
  const std::string sweep =
      command::run("sweep --ranks 2 --profile review.json --vary batch-per-rank=16,32 --vary overlap=on,off").err;
  CHECK(contains(sweep, "times of 32 are taken in proportion"));
  CHECK(sweep.find("in proportion") == sweep.rfind("in proportion"));
  json elsewhere = measured_profile();
  elsewhere["machine"] = "another processor";
  command::write("elsewhere.json", elsewhere.dump());
  CHECK(
      contains(command::run("simulate --ranks 2 --batch 32 --profile elsewhere.json").err, "was measured on another processor"));
}

TEST_CASE("convoy-train is told what was typed, and what it fails to say is not made up") {
  CHECK(command::run_beside("echo $CONVOY_TYPED_AS", "train").out == "convoy\n");
  const command::Result silent = command::run_beside("exit 0", "collective --ranks 2 --run --json -");
  CHECK(silent.exit_code == 1);
  CHECK(contains(silent.err, "no table"));
  CHECK(silent.out.empty());
  const command::Result doctor = command::run_beside("exit 7", "doctor");
  CHECK(doctor.exit_code == 0);
  CHECK(contains(doctor.out, "convoy-train does not work"));
  CHECK(contains(doctor.out, "exit code 7"));
  CHECK_FALSE(contains(doctor.out, "convoy-train is missing"));
}

TEST_CASE("the doctor names what nobody has to have") {
  const json doctor = json_of("doctor");
  for (const char* name : {"NVIDIA GPU", "CUDA", "NCCL"}) {
    CAPTURE(name);
    bool named = false;
    for (const json& finding : doctor.at("findings"))
      named = named ||
              (finding.at("name") == name && finding.at("used") == false && !finding.at("unlocks").get<std::string>().empty());
    CHECK(named);
  }
}

TEST_CASE("a name that is not UTF-8 can stand in JSON") {
  const command::Result result =
      command::run("simulate --ranks 2 --cluster dgx-v100 --timeline \"$(printf 'a\\377b').json\" --json -");
  CAPTURE(result.err);
  CHECK(result.exit_code == 0);
  CHECK(json::accept(result.out));
}

TEST_CASE("one node is one node, and reports are named in the help of compare") {
  refused("simulate --ranks 9 --cluster two-core-machine", "1 node of 2");
  const std::string help = command::run("compare --help").out;
  CHECK(contains(help, "first"));
  CHECK_FALSE(contains(help, "x)]"));
}
