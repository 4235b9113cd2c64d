// Protocols of links: read, written, and what messages of a size see.
#include <cmath>

#include "reference/core/error.h"
#include "reference/core/units.h"
#include "simulator/platform/cluster.h"
#include "simulator/platform/network.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

const std::string kFile = R"(name: measured
nodes: 2
node:
  devices: 2
  device: V100-SXM2-16GB
  link: {bandwidth: 100GB/s, latency: 2us}
  nic:
    bandwidth: 10GB/s
    latency: 12us
    protocols:
      - {up_to: 4KiB, bandwidth: 1GB/s, latency: 3us}
      - {up_to: 64KiB, bandwidth: 5GB/s, latency: 6us}
    calibrated: {from: 512B, to: 16MiB}
)";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

std::string refusal(const std::string& yaml) {
  try {
    parse_cluster(yaml, "c.yaml");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("messages see the protocol of their size") {
  const Cluster cluster = parse_cluster(kFile, "c.yaml");
  REQUIRE(parse_cluster(to_yaml(cluster), "again.yaml") == cluster);
  const Network network(cluster);
  const auto time_s = [&](int from, int to, double bytes) { return network.path(from, to, bytes).time_s(bytes); };
  CHECK(time_s(0, 2, 1000) == Approx(3e-6 + 1000 / 1e9).epsilon(1e-12));
  CHECK(time_s(0, 2, 4096) == Approx(3e-6 + 4096 / 1e9).epsilon(1e-12));
  CHECK(time_s(0, 2, 4097) == Approx(6e-6 + 4097 / 5e9).epsilon(1e-12));
  CHECK(time_s(0, 2, 65536) == Approx(6e-6 + 65536 / 5e9).epsilon(1e-12));
  CHECK(time_s(0, 2, 65537) == Approx(12e-6 + 65537 / 10e9).epsilon(1e-12));
  CHECK(time_s(0, 1, 1000) == Approx(2e-6 + 1000 / 100e9).epsilon(1e-12));  // inside the node there are none
  CHECK(time_s(1, 1, 1000) == 0);
  CHECK(network.path(0, 2).latency_s == Approx(12e-6));
}

TEST_CASE("a protocol never takes less than the bytes' own time on the link") {
  const Protocols fast{.ranges = {{.up_to_bytes = 1e6, .link = {0, 1e15}}}};
  const LinkModel link{1e-6, 1e9};
  CHECK(fast.beyond_s(1000, link) == -1e-6);
  CHECK(fast.beyond_s(2e6, link) == 0);
}

TEST_CASE("protocols that make no sense are refused with their place") {
  CHECK(refusal(replaced(kFile, "up_to: 64KiB", "up_to: 4KiB")).find("c.yaml:12:17: protocols must be in order of size") == 0);
  CHECK(refusal(replaced(kFile, "up_to: 64KiB, ", "")).find("up_to is missing") != std::string::npos);
  CHECK(refusal(replaced(kFile, "from: 512B, to: 16MiB", "from: 1MiB, to: 4KiB")).find("from a size to a larger one") !=
        std::string::npos);
  CHECK(refusal(replaced(kFile, "up_to", "upto")).find("c.yaml:11:10") == 0);
}

TEST_CASE("measured values keep four digits") {
  CHECK(to_four_digits(123456) == 123500);
  CHECK(to_four_digits(1.23456e-6) == 1.235e-6);
  CHECK(to_four_digits(0) == 0);
  CHECK(to_four_digits(-3) == 0);
}
