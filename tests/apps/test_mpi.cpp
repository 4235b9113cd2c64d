/// Ranks as processes: convoy starts them by itself, mpirun starts them by hand, and mistakes are said once.
#include <nlohmann/json.hpp>

#include "tests/apps/command.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

const nlohmann::json& facts() {
  static const nlohmann::json found = nlohmann::json::parse(command::run_train("facts").out);
  return found;
}

/// Whether convoy-train can do it; else says what it answers, which is tested then.
bool built_with_mpi() {
  if (facts().at("mpi") == true) return true;
  const command::Result result = command::run("train --transport mpi --data synthetic");
  CHECK(result.exit_code == 2);
  CHECK(contains(result.err, "built without MPI; install mpich and libmpich-dev"));
  WARN("convoy-train was built without MPI: only its refusal was tested");
  return false;
}

/// "mpiexec.hydra -n 2 .../convoy-train train ...".
command::Result by_hand(int ranks, const std::string& arguments) {
  std::string launcher = facts().at("mpi_launcher");
  if (contains(facts().at("mpi_library"), "Open MPI")) launcher += " -q --oversubscribe --allow-run-as-root";
  return command::run_line(launcher + " -n " + std::to_string(ranks) + " " + CONVOY_BIN_DIR + "/convoy-train " + arguments);
}

constexpr const char* kServed = "train --data synthetic --batch 30 --steps 3 --epochs 2 ";
constexpr const char* kShort = "train --data synthetic --batch 30 --steps 3 --epochs 2 --bucket 16KiB ";

}  // namespace

TEST_CASE("processes train as threads do, bit for bit") {
  if (!built_with_mpi()) return;
  const auto result_of = [](const std::string& more, const std::string& file, const char* words = kShort) {
    const command::Result result = command::run(words + more + " --json " + file);
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    REQUIRE(count_of(result.out, "one step of 30 images") == 1);
    return nlohmann::json::parse(command::read(file));
  };
  for (const char* ranks : {"--ranks 2", "--ranks 3"}) {
    const nlohmann::json threads = result_of(ranks, "threads.json");
    const nlohmann::json mpi = result_of(std::string(ranks) + " --transport mpi --timeline lanes.json", "mpi.json");
    CHECK(mpi.at("train_loss_per_epoch") == threads.at("train_loss_per_epoch"));
    CHECK(mpi.at("test_accuracy_per_epoch") == threads.at("test_accuracy_per_epoch"));
    CHECK(mpi.at("schedule") == threads.at("schedule"));
    CHECK(mpi.at("transport") == "mpi");
    CHECK(mpi.at("collectives") == "ours");
    CHECK(mpi.at("clock") == "steady");
    CHECK(mpi.at("step_time_s") > 0);
    CHECK(contains(command::read("lanes.json"), "all_reduce"));
  }
  // Servers: the same weights when they are synchronous, and in any mode every push is on record.
  const std::string served = "--ranks 3 --plan parameter_server --servers 2 ";
  CHECK(result_of(served + "--transport mpi", "mpi.json", kServed).at("train_loss_per_epoch") ==
        result_of(served, "threads.json", kServed).at("train_loss_per_epoch"));
  const nlohmann::json async =
      result_of(served + "--server-mode async --compress int8 --transport mpi", "async.json", kServed).at("serving");
  CHECK(async.at("pushes") == 18);  // of 3 workers to 2 servers in the 3 steps of the last epoch
  CHECK(async.at("updates") == 18);
  const nlohmann::json library = result_of("--ranks 2 --transport mpi --collectives library", "library.json");
  CHECK(library.at("collectives") == "library");
  // two terms make one sum, whoever adds them
  CHECK(library.at("train_loss_per_epoch") == result_of("--ranks 2", "threads.json").at("train_loss_per_epoch"));
}

TEST_CASE("mpirun started by hand says how many ranks there are") {
  if (!built_with_mpi()) return;
  command::Result result = by_hand(2, std::string(kShort) + "--transport mpi");
  INFO(result.err);
  CHECK(result.exit_code == 0);
  CHECK(count_of(result.out, "one step of 30 images on 2 ranks") == 1);
  result = by_hand(2, std::string(kShort) + "--transport mpi --ranks 3");
  CHECK(result.exit_code == 2);
  CHECK(count_of(result.err, "--ranks is 3, but MPI started 2 processes") == 1);
}

TEST_CASE("mistakes are said once, with their exit code, and nothing on stdout") {
  if (!built_with_mpi()) return;
  for (const auto& [words, message, code] : std::vector<std::tuple<std::string, std::string, int>>{
           {"--ranks two", "--ranks is 'two'; expected a whole number", 2},
           {"--ranks 0", "--ranks is 0; write 1 or more", 2},
           {"--nonsense", "unknown option '--nonsense'", 2},
           {"--collectives libary", "did you mean 'library'", 2},
           {"--json /no/such/folder/x.json", "cannot write '/no/such/folder/x.json'", 2},
           {"--samples 0", "--samples", 2},
           {"--learning-rate 1e30", "training diverged", 3}}) {
    const command::Result result = command::run(kShort + std::string("--transport mpi ") + words);
    CAPTURE(words, result.err);
    CHECK(result.exit_code == code);
    CHECK(count_of(result.err, message) == 1);
    CHECK(result.out.empty());
  }
  const command::Result threads = command::run(std::string(kShort) + "--collectives library");
  CHECK(threads.exit_code == 2);
  CHECK(contains(threads.err, "takes --transport mpi"));
}

TEST_CASE("collectives and profiles run on processes, too") {
  if (!built_with_mpi()) return;
  for (const char* who : {"ours", "library"}) {
    const command::Result result = command::run(
        "collective all_gather --run --ranks 3 --bytes 1KiB..16KiB:x4 --transport mpi --json rows.json --collectives " +
        std::string(who));
    INFO(result.err);
    REQUIRE(result.exit_code == 0);
    CHECK(contains(result.out, who == std::string("ours") ? "ring all_gather on 3 mpi" : "the library's all_gather on 3 mpi"));
    for (const auto& row : nlohmann::json::parse(command::read("rows.json")).at("sizes")) CHECK(row.at("wrong") == 0);
  }
  const std::string uneven = "collective all_to_all --run --ranks 2 --collectives library --transport mpi --bytes ";
  const command::Result refused = command::run(uneven + "4B");
  CHECK(refused.exit_code == 2);
  CHECK(contains(refused.err, "write --bytes 8B or a multiple of it"));
  CHECK_FALSE(contains(refused.err, "pairwise"));
  CHECK(command::run(uneven + "8B").exit_code == 0);
  const command::Result result = command::run(
      "profile --ranks 3 --transport mpi --batch-per-rank 4 --steps 5 --data synthetic --profile-out p.json --cluster-out "
      "c.yaml");
  INFO(result.err);
  REQUIRE(result.exit_code == 0);
  const nlohmann::json transport = nlohmann::json::parse(command::read("p.json")).at("transport");
  CHECK(transport.at("name") == "mpi");
  CHECK(transport.at("latency_s") > 0);
  CHECK(transport.at("bandwidth_bytes_per_s") > 1e7);
  CHECK(transport.at("communication_cores") > 0);
  CHECK(command::run("simulate --ranks 3 --batch 12 --profile p.json --cluster c.yaml").exit_code == 0);
}
