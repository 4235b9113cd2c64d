/// --backend cuda as a person types it where there is no GPU: one sentence, which says what to do, and exit code 2.
#include <filesystem>

#include "tests/apps/command.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

/// With a GPU these commands would run; scripts/gpu-check has them there.
bool has_gpu() { return std::filesystem::exists("/dev/nvidiactl"); }

}  // namespace

TEST_CASE("without a GPU --backend cuda says what is missing, and writes nothing") {
  if (has_gpu()) return;
  for (const char* verb :
       {"train --steps 1 --data synthetic --json cuda_run.json", "profile --data synthetic --json cuda_run.json"}) {
    INFO(verb);
    const command::Result result = command::run_train(std::string(verb) + " --backend cuda");
    INFO(result.err);
    REQUIRE(result.exit_code == 2);
    REQUIRE(contains(result.err, "--backend cuda: this "));  // this machine has no driver, or this program was built without CUDA
    REQUIRE((contains(result.err, "install ") && contains(result.err, "leave --backend out")));
    REQUIRE(command::read("cuda_run.json").empty());
  }
  const command::Result profile = command::run("profile --backend cuda --profile-out cuda_profile.json");
  REQUIRE(profile.exit_code == 2);
  REQUIRE(contains(profile.err, "--backend cuda: this "));
  REQUIRE(command::read("cuda_profile.json").empty());
}

TEST_CASE("a backend that is not known, and ranks that a GPU cannot be, are refused before a GPU is looked for") {
  for (const char* verb : {"train", "profile"}) {
    INFO(verb);
    const command::Result unknown = command::run_train(std::string(verb) + " --backend gpu");
    REQUIRE(unknown.exit_code == 2);
    REQUIRE((contains(unknown.err, "'gpu'") && contains(unknown.err, "cpu, cuda")));
    const command::Result two = command::run_train(std::string(verb) + " --backend cuda --ranks 2");
    REQUIRE(two.exit_code == 2);
    REQUIRE(contains(two.err, "--backend cuda runs on one GPU, which is one rank; leave --ranks and --transport out"));
  }
}
