/// Exported clusters under SimGrid's smpirun: the messages of another MPI program. Runs the command that 'convoy cluster export'
/// prints.
#include <cmath>
#include <sstream>

#include "simulator/platform/cluster.h"
#include "tests/apps/command.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

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
  if (!command::built("../tests/smpirun_ping.so")) {
    WARN("no smpirun here: nothing was tested");
    return;
  }
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
