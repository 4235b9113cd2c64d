#include <algorithm>

#include "tests/apps/command.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

constexpr const char* kSweep =
    "sweep --model lenet5 --batch-per-rank 4 --cluster ring-test --fidelity flows --csv goes_on.csv --vary ranks=";

}  // namespace

TEST_CASE("a sweep goes on where its CSV ends, on several jobs, and refuses the CSV of another") {
  REQUIRE(command::run(std::string(kSweep) + "1..4:x2 --jobs 2 --svg goes_on.svg").exit_code == 0);
  const std::string first = command::read("goes_on.csv");
  CHECK(contains(command::read("goes_on.svg"), "<svg"));
  const command::Result longer = command::run(std::string(kSweep) + "1..8:x2");
  REQUIRE(longer.exit_code == 0);
  CHECK(contains(longer.err, "3 of 4 are there already"));
  CHECK(command::read("goes_on.csv").rfind(first, 0) == 0);

  const command::Result other = command::run(std::string(kSweep) + "1..4:x2 --plan filter");
  CHECK(other.exit_code == 2);
  CHECK(contains(other.err, "is from another sweep"));
  CHECK(command::read("goes_on.csv").rfind(first, 0) == 0);
}

namespace {

/// That a sweep with this CSV goes on until `file` changes, is refused then and leaves the CSV, and goes on after --restart.
void check_change_is_seen(const std::string& sweep, const std::string& csv, const std::string& file, const std::string& later) {
  INFO(sweep);
  const std::string line = sweep + " --csv " + csv;
  const command::Result begun = command::run(line);
  INFO(begun.err);
  REQUIRE(begun.exit_code == 0);
  const std::string first = command::read(csv);
  const command::Result again = command::run(line);
  REQUIRE(again.exit_code == 0);
  CHECK(contains(again.err, "2 of 2 are there already"));

  command::write(file, later);
  const command::Result changed = command::run(line);
  CHECK(changed.exit_code == 2);
  CHECK(contains(changed.err, file + " of --"));
  CHECK(contains(changed.err, "has changed since"));
  CHECK(contains(changed.err, "--restart"));
  CHECK(command::read(csv) == first);

  REQUIRE(command::run(line + " --restart").exit_code == 0);
  CHECK(command::read(csv) != first);
  CHECK(contains(command::run(line).err, "2 of 2 are there already"));
}

}  // namespace

TEST_CASE("a sweep does not go on when a file that it reads has changed") {
  const std::string lenet = "sweep --model lenet5 --fidelity flows ";
  const std::string all_forward = "F0 F1 B0 B1\nF0 F1 B0 B1\n";
  const std::string one_by_one = "F0 F1 B0 B1\nF0 B0 F1 B1\n";
  const std::string pipeline = lenet + "--cluster ring-test --plan pipeline --ranks 2 ";

  command::write("order.txt", all_forward);
  check_change_is_seen(pipeline + "--order order.txt --vary batch=8,16", "by_order.csv", "order.txt", one_by_one);
  command::write("varied.txt", all_forward);  // the other point reads no file
  check_change_is_seen(pipeline + "--batch 8 --vary order=1f1b,varied.txt", "by_varied.csv", "varied.txt", one_by_one);

  const std::string data = lenet + "--ranks 2 --batch 8 ";
  REQUIRE(command::run("plan write --model lenet5 --plan data --ranks 2 --batch 8 --output changed.yaml").exit_code == 0);
  const std::string plan = command::read("changed.yaml");
  check_change_is_seen(lenet + "--cluster ring-test --plan changed.yaml --vary chunks=1,2", "by_plan.csv", "changed.yaml",
                       plan + "# as it was, with a remark\n");

  const std::string clusters = CONVOY_SOURCE_DIR "/simulator/platform/clusters/";
  REQUIRE(command::run_line("cp '" + clusters + "ring-test.yaml' nodes.yaml").exit_code == 0);
  const std::string cluster = command::read("nodes.yaml");
  check_change_is_seen(data + "--cluster nodes.yaml --vary chunks=1,2", "by_cluster.csv", "nodes.yaml",
                       cluster + "\n# changed\n");

  const std::string sized = data + "--cluster nodes.yaml@2 --vary chunks=1,2 --csv sized.csv";  // the same file
  REQUIRE(command::run(sized).exit_code == 0);
  command::write("nodes.yaml", cluster + "\n# changed again\n");
  CHECK(contains(command::run(sized).err, "has changed since"));
}

TEST_CASE("a CSV without fingerprints of the files does not go on") {
  command::write("unknown.txt", "F0 F1 B0 B1\nF0 F1 B0 B1\n");
  const std::string line =
      "sweep --model lenet5 --fidelity flows --cluster ring-test --plan pipeline --ranks 2 --vary batch=8,16 --csv ";
  REQUIRE(command::run(line + "named.csv").exit_code == 0);
  CHECK_FALSE(contains(command::read("named.csv"), "_fnv1a"));  // no file was named
  REQUIRE(command::run(line + "read.csv --order unknown.txt").exit_code == 0);
  std::string csv = command::read("read.csv");
  const std::size_t heading = csv.find("order_fnv1a");
  REQUIRE(heading != std::string::npos);
  csv.replace(heading, 11, "other_fnv1a");
  command::write("read.csv", csv);
  const command::Result refused = command::run(line + "read.csv --order unknown.txt");
  CHECK(refused.exit_code == 2);
  CHECK(contains(refused.err, "does not say what unknown.txt of --order held"));
}

TEST_CASE("options of one word are varied, and the help of --vary says which") {
  const std::string data = "sweep --model lenet5 --ranks 4 --batch 8 --cluster ring-test ";
  const command::Result zero = command::run(data + "--fidelity flows --vary zero=0,1,2 --vary accumulate=1..2:x2 --csv zero.csv");
  INFO(zero.err);
  CHECK(zero.exit_code == 0);
  CHECK(contains(command::read("zero.csv"), "\n2,2,"));
  const command::Result servers = command::run(data + "--fidelity flows --plan parameter_server --vary servers=1..4:x2");
  INFO(servers.err);
  CHECK(servers.exit_code == 0);

  // The word that was typed and the fidelity that it led to stand side by side.
  const command::Result fidelity = command::run(data + "--vary fidelity=auto,formula --json -");
  CHECK(fidelity.exit_code == 0);
  CHECK(contains(fidelity.out, "\"fidelity\": \"auto\""));
  CHECK(contains(fidelity.out, "\"simulated_with\": \"formula\""));

  const std::string help = command::run("sweep --help").out;
  for (const char* option : {"server-mode", "stages-per-rank", "collectives", "optimiser"}) CHECK(contains(help, option));
  const std::size_t vary = help.find("--vary OPTION=VALUES");
  REQUIRE(vary != std::string::npos);
  CHECK(help.find(" zero,", vary) < help.find("--iterations", vary));
}

TEST_CASE("a sweep leaves out of a point what changes nothing in it, and refuses what changes nothing in any") {
  const std::string sweep = "sweep --model lenet5 --batch 8 --ranks 2 --cluster ring-test --csv left_out.csv ";
  const std::string line = sweep + "--vary plan=data,channel --vary overlap=on,off";
  const command::Result mixed = command::run(line);
  INFO(mixed.err);
  REQUIRE(mixed.exit_code == 0);
  CHECK(contains(mixed.err, "--vary plan=channel overlap=on: --overlap changes nothing in plan 'channel'"));
  const std::string csv = command::read("left_out.csv");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 4);
  for (const char* row : {"\ndata,on,", "\ndata,off,", "\nchannel,-,"}) CHECK(contains(csv, row));
  CHECK(contains(command::run(line).err, "3 of 3 are there already"));

  const command::Result typed = command::run(sweep + "--restart --zero 1 --vary plan=data,channel");
  INFO(typed.err);
  REQUIRE(typed.exit_code == 0);
  CHECK(contains(typed.err, "--zero changes nothing in plan 'channel'"));
  const command::Result alone = command::run(sweep + "--restart --vary plan=channel");
  CHECK(alone.exit_code == 0);
  const auto last_line = [](std::string text) {
    text.erase(0, text.rfind('\n', text.size() - 2));
    std::erase(text, ' ');
    return text;
  };
  CHECK(last_line(typed.out) == last_line(alone.out));

  REQUIRE(command::run(line + " --restart").exit_code == 0);
  const command::Result nothing = command::run(sweep + "--restart --vary plan=channel,megatron --vary gradients=f32,f16");
  CHECK(nothing.exit_code == 2);
  CHECK(contains(nothing.err, "--gradients changes nothing in plan 'channel'"));
  CHECK(command::read("left_out.csv") == csv);
}
