/// Every verb answers a mistake with exit code 2 and the nearest right word, and says nothing on stdout then.
#include <string>
#include <utility>
#include <vector>

#include "tests/apps/command.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// Lines of which each ends with 2, nothing on stdout, and these words on stderr.
void refuse_all(const std::vector<std::pair<std::string, std::string>>& lines) {
  for (const auto& [line, expected] : lines) {
    CAPTURE(line);
    const command::Result result = command::run(line);
    CAPTURE(result.err);
    CHECK(result.exit_code == 2);
    CHECK(contains(result.err, expected));
    CHECK(result.out.empty());
  }
}

}  // namespace

TEST_CASE("what is typed right ends with 0") {
  for (const char* line : {"",
                           "--version",
                           "--help",
                           "simulate --help",
                           "compare --help",
                           "schedule --help",
                           "collective --help",
                           "model --help",
                           "cluster --help",
                           "cluster show --help",
                           "profile --help",
                           "doctor --help",
                           "model",
                           "model lenet5",
                           "cluster",
                           "cluster show dgx-v100",
                           "schedule --model lenet5 --ranks 2 --batch 64",
                           "schedule --ranks 3 --batch 64 --rank 2",
                           "schedule --mode evaluate",
                           "simulate --model lenet5 --ranks 4 --cluster dgx-v100",
                           "simulate --model lenet5 --cluster dgx-v100 --mode evaluate",
                           "simulate --model lenet5 --ranks 1024 --cluster dgx-v100 --fidelity flows --gantt",
                           "collective all_gather --ranks 9 --cluster ring-test --fidelity formula",
                           "collective --ranks 4 --cluster ring-test",
                           "collective broadcast --ranks 4 --cluster ring-test"}) {
    CAPTURE(line);
    const command::Result result = command::run(line);
    INFO(result.err);
    CHECK(result.exit_code == 0);
    CHECK_FALSE(result.out.empty());
  }
}

TEST_CASE("a misspelt word ends with 2 and the nearest right one") {
  const std::vector<std::pair<std::string, std::string>> lines = {
      {"simulat", "did you mean 'simulate'"},
      {"modle", "did you mean 'model'"},
      {"simulate --modle vgg16", "did you mean '--model'"},
      {"simulate --model vgg16x --cluster dgx-v100", "did you mean 'vgg16'"},
      {"simulate --cluster dgx-v10", "did you mean 'dgx-v100'"},
      {"simulate --plan dat --cluster dgx-v100", "did you mean 'data'"},
      {"simulate --overlap onn --cluster dgx-v100", "did you mean 'on'"},
      {"simulate --precision fp23 --cluster dgx-v100", "did you mean 'fp32'"},
      {"simulate --all-reduce rign --cluster dgx-v100", "did you mean 'ring'"},
      {"simulate --fidelity step --cluster dgx-v100", "did you mean 'steps'"},
      {"simulate --mode trian --cluster dgx-v100", "did you mean 'train'"},
      {"schedule --model lenet", "did you mean 'lenet5'"},
      {"schedule --batch-per-rnak 4", "did you mean '--batch-per-rank'"},
      {"collective all_redcue --cluster ring-test", "did you mean 'all_reduce'"},
      {"collective --algorithm rnig --cluster ring-test", "did you mean 'ring'"},
      {"collective --bites 4", "did you mean '--bytes'"},
      {"compare --rn a.json", "did you mean '--run'"},
      {"model lenet4", "did you mean 'lenet5'"},
      {"model --dtype f23 lenet5", "did you mean 'f32'"},
      {"cluster shwo dgx-v100", "did you mean 'show'"},
      {"cluster show dgx-a10", "did you mean 'dgx-a100'"},
      {"doctor --jsno -", "did you mean '--json'"},
  };
  refuse_all(lines);
}

TEST_CASE("values that make no sense end with 2 and a sentence about them") {
  const std::vector<std::pair<std::string, std::string>> lines = {
      {"simulate --model lenet5", "--cluster"},
      {"simulate --model lenet5 --cluster nowhere.yaml", "nowhere.yaml"},
      {"simulate --ranks 0 --cluster dgx-v100", "--ranks is 0"},
      {"simulate --ranks two --cluster dgx-v100", "two"},
      {"simulate --ranks 2 --batch 0 --cluster dgx-v100", "--batch is 0"},
      {"simulate --batch 4 --batch-per-rank 2 --cluster dgx-v100", "batch"},
      {"simulate --batch-per-rank -2 --cluster dgx-v100", "--batch-per-rank is -2"},
      {"simulate --ranks 100000 --batch-per-rank 100000 --cluster dgx-v100", "too large"},
      {"simulate --ranks 2000 --cluster dgx-v100", "1024"},
      {"simulate --bucket 25Mi --cluster dgx-v100", "25Mi"},
      {"simulate --iterations 0 --cluster dgx-v100", "--iterations is 0"},
      {"simulate --profile none.json --cluster dgx-v100", "none.json"},
      {"simulate --cluster dgx-v100 --precision bf16", "bf16"},
      {"simulate --model lenet5 --cluster dgx-v100 --json /nowhere/at/all.json", "/nowhere/at/all.json"},
      {"schedule --ranks 2 --rank 2", "--rank is 2"},
      {"schedule --check none.txt", "none.txt"},
      {"failures --cluster dgx-v100 --seed -1", "--seed is -1"},
      {"model lenet5 --classes 0", "--classes is 0"},
      {"sweep --cluster dgx-v100 --vary ranks=1,2 --csv /dev/full", "cannot write '/dev/full'"},
      {"collective --bytes 3 --cluster ring-test", "3 bytes"},
      {"collective --bytes 1KiB..4KiB --cluster ring-test", "factor"},
      {"collective --ranks 600 --cluster ring-test", "512"},
      {"compare", "compare what"},
      {"compare one.json", "compare what"},
      {"accuracy none.json --cluster dgx-v100", "none.json"},
      {"accuracy none.json --cluster dgx-v100 --accuracy 85", "--accuracy is '85'; write a share of the test images"},
      {"model lenet5 --batch 0", "--batch is 0"},
      {"cluster show", "cluster"},
  };
  refuse_all(lines);
}

TEST_CASE("an empty word, as an unset variable of a shell leaves it, is a mistake and no 0") {
  for (const char* option : {"--zero", "--bucket", "--json", "--svg", "--epoch-images", "--slow", "--cluster"}) {
    CAPTURE(option);
    const command::Result result = command::run(std::string("simulate --model lenet5 --cluster dgx-v100 ") + option + " ''");
    CAPTURE(result.err);
    CHECK(result.exit_code == 2);
    CHECK(contains(result.err, std::string(option) + " is ''; write a value, or leave it out"));
  }
  for (const char* option : {"--save", "--weight-decay", "--checkpoint", "--samples"}) {
    CAPTURE(option);
    const command::Result result = command::run(std::string("train --data synthetic --samples 16 --steps 1 ") + option + " ''");
    CAPTURE(result.err);
    CHECK(result.exit_code == 2);
    CHECK(contains(result.err, std::string(option) + " is ''"));
  }
}

TEST_CASE("what training and profiles cannot use ends with 2 and a sentence about it") {
  const std::vector<std::pair<std::string, std::string>> lines = {
      {"train --batch-per-rank 0", "--batch-per-rank is 0; write 1 or more"},
      {"train --batch 0", "--batch is 0; write 1 or more"},
      {"train --ranks abc", "--ranks is 'abc'; expected a whole number"},
      {"train --seed -1", "--seed is -1; write 0 or more"},
      {"train --seed 99999999999999999999", "--seed is '99999999999999999999'; expected a smaller number"},
      {"train --overlap ofd", "did you mean 'off'"},
      {"train --threads 100000", "--threads is 100000; write 1 to 1024"},
      {"train --samples 100000000000 --data synthetic", "--samples is 100000000000; write 1 to 10000000"},
      {"train --samples 0 --data synthetic", "--samples is 0; write 1 to 10000000"},
      {"train --until-accuracy 850%", "--until-accuracy is '850%'; write a share of the test images"},
      {"train --data synthetic --save -", "--save takes a file, not -"},
      {"train --data synthetic --csv -", "--csv takes a file, not -"},
      {"train --evaluate-every -1", "--evaluate-every is -1"},
      {"train --learning-rate inf", "--learning-rate is inf"},
      {"profile --batch 0", "--batch is 0"},
      {"profile --steps 0", "--steps is 0"},
      {"profile --batch-per-rank 0", "--batch-per-rank is 0"},
      {"profile --data fashion-mnits", "did you mean 'fashion-mnist'"},
  };
  refuse_all(lines);
}

TEST_CASE("training that diverges ends with 3, the epochs before and no result file") {
  const command::Result result =
      command::run("train --data synthetic --samples 64 --batch 32 --learning-rate 1e30 --epochs 2 --json diverged.json");
  CAPTURE(result.err);
  CHECK(result.exit_code == 3);
  CHECK(contains(result.err, "training diverged"));
  CHECK(contains(result.err, "lower --learning-rate"));
  CHECK(command::read("diverged.json").empty());
}

TEST_CASE("results that are lost on the way to standard output end with 1") {
  const std::string bin = CONVOY_BIN_DIR;
  for (const std::string line : {"convoy' model", "convoy' --help", "convoy-train' facts", "convoy-train' train --help"}) {
    CAPTURE(line);
    const command::Result closed = command::run_line("('" + bin + "/" + line + " >&-)");
    CAPTURE(closed.err);
    CHECK(closed.exit_code == 1);
    CHECK(contains(closed.err, "cannot write the results"));
    CHECK(command::run_line("(ulimit -f 0; trap '' XFSZ; '" + bin + "/" + line + " > full.txt)").exit_code == 1);
  }
}

TEST_CASE("convoy-train calls itself by the name that was typed") {
  const command::Result help = command::run("train --help");
  CHECK(contains(help.out, "  convoy train --ranks 2 --epochs 2"));
  CHECK_FALSE(contains(help.out, "convoy-train"));
  const command::Result run = command::run("train --data synthetic --samples 64 --steps 1 --json -");
  CHECK(contains(run.out, "\"command\": \"convoy train --data synthetic"));
  CHECK(contains(run.out, "\"global_batch\": 64"));  // 32 images for each of 2 ranks
  CHECK(contains(command::run("train --ranks 0").err, "convoy: --ranks is 0"));
  const command::Result direct = command::run_line(std::string("'") + CONVOY_BIN_DIR + "/convoy-train' train --help");
  CHECK(contains(direct.out, "  convoy-train train --ranks 2 --epochs 2"));
}

TEST_CASE("the default batch is 32 images on each rank, however many ranks there are") {
  const command::Result one = command::run("train --data synthetic --samples 64 --steps 1 --ranks 1 --json -");
  CHECK(contains(one.out, "\"global_batch\": 32"));
  const command::Result profile = command::run("profile --ranks 1 --steps 1 --data synthetic --json -");
  CHECK(contains(profile.out, "\"batch\": 32"));
  CHECK(contains(profile.out, "\"data\": \"synthetic\""));
  CHECK(contains(command::run("schedule --ranks 1").out, "batch=32"));
}

TEST_CASE("a cluster whose bandwidth has no unit ends with 2, file and line") {
  command::write(
      "unitless.yaml",
      "name: mine\nnodes: 2\nnode:\n  devices: 1\n  device: V100-SXM2-16GB\n  nics: 1\n  nic: {bandwidth: 100, latency: 2us}\n");
  const command::Result result = command::run("simulate --model lenet5 --ranks 2 --cluster unitless.yaml");
  CAPTURE(result.err);
  CHECK(result.exit_code == 2);
  CHECK(contains(result.err, "unitless.yaml"));
  CHECK(contains(result.err, "7"));
  CHECK(contains(result.err, "unit"));
}

TEST_CASE("a batch that does not fit the device ends with 3, the result, and what would fit") {
  const command::Result result = command::run(
      "simulate --model vgg16 --ranks 2 --batch-per-rank 4096 --iterations 1 --cluster dgx-v100 --json too_large.json");
  CAPTURE(result.err);
  CHECK(result.exit_code == 3);
  CHECK(contains(result.out, "step time"));
  CHECK(contains(result.out, "activation"));
  CHECK(contains(result.err, "V100-SXM2-16GB has 17.2 GB"));
  CHECK(contains(command::read("too_large.json"), "\"step_time_s\""));

  // The batch that it proposes does fit, and one more image does not.
  const std::size_t at = result.err.find("--batch-per-rank ");
  REQUIRE(at != std::string::npos);
  const int fits = std::stoi(result.err.substr(at + 17));
  const std::string line = "simulate --model vgg16 --ranks 2 --iterations 1 --cluster dgx-v100 --batch-per-rank ";
  CHECK(command::run(line + std::to_string(fits)).exit_code == 0);
  CHECK(command::run(line + std::to_string(fits + 1)).exit_code == 3);
}
