#include <nlohmann/json.hpp>

/// What the verbs know of machines: algorithms chosen for them, ranks in nodes, links, times of layers, and measured links.
#include "tests/apps/json_of.h"

using namespace convoy;
using command::contains;
using command::json_of;
using nlohmann::json;

TEST_CASE("auto is chosen for every bucket, and said with its reason") {
  const std::string line = "simulate --model lenet5 --ranks 16 --bucket 16KiB --cluster dgx-v100 --algorithm auto";
  const json run = json_of(line);
  const json& choices = run.at("simulation").at("choices");
  REQUIRE(choices.size() > 1);
  for (const json& choice : choices) {
    CHECK(choice.at("ranks") == 16);
    CHECK(choice.at("ranks_per_node") == 8);
    CHECK(choice.at("algorithm") != "auto");
    CHECK(contains(choice.at("why"), choice.at("algorithm").get<std::string>()));
  }
  CHECK(run.at("schedule").at("chosen_for").at("ranks_per_node") == 8);
  CHECK(run.at("simulation").at("provenance").at("choices") == "formula");
  CHECK(contains(command::run(line).out, "all-reduce auto chose\n  bucket0.all_reduce, "));
  CHECK(contains(command::run("plan show --model lenet5 --ranks 16 --all-reduce auto --cluster dgx-v100").out,
                 "all-reduce auto chose"));
  const command::Result nowhere = command::run("plan show --model lenet5 --ranks 16 --all-reduce auto");
  CHECK(nowhere.exit_code == 2);
  CHECK(contains(nowhere.err, "give --cluster, or name an algorithm"));
  CHECK(contains(command::run(line + " --chunks 4").err, "auto chooses channels and chunks too"));
  CHECK(command::run("plan write --ranks 4 --all-reduce auto --output auto.yaml").exit_code == 0);
  CHECK(contains(command::read("auto.yaml"), "all_reduce: auto"));
  CHECK(json_of("simulate --model lenet5 --plan auto.yaml --cluster dgx-v100").at("schedule").at("all_reduce") == "auto");
}

TEST_CASE("real training chooses too, and goes over the nodes that it is told") {
  const std::string line = "train --data synthetic --batch 24 --steps 3 --epochs 1 --bucket 16KiB --ranks 4 ";
  const command::Result chosen = command::run(line + "--algorithm auto --json chosen.json");
  INFO(chosen.err);
  REQUIRE(chosen.exit_code == 0);
  CHECK(contains(chosen.out, "all-reduce auto chose\n  bucket0.all_reduce, "));
  const json report = json::parse(command::read("chosen.json"));
  CHECK(report.at("ranks").size() == 4);
  for (const json& rank : report.at("ranks"))
    CHECK(rank.at("compute_s").get<double>() + rank.at("exposed_communication_s").get<double>() +
              rank.at("wait_s").get<double>() + rank.at("bubble_s").get<double>() ==
          Approx(rank.at("step_s").get<double>()));
  const command::Result over_nodes = command::run(line + "--algorithm hierarchical --ranks-per-node 2 --json nodes.json");
  INFO(over_nodes.err);
  REQUIRE(over_nodes.exit_code == 0);
  CHECK(json::parse(command::read("nodes.json")).at("schedule").at("ranks_per_node") == 2);
  CHECK(contains(command::run(line + "--algorithm hierarchical --ranks-per-node 3").err, "do not fill nodes of 3"));
}

TEST_CASE("a simulation names its busiest links, and a formula says that it looks at none") {
  const std::string line = "simulate --model lenet5 --ranks 16 --cluster dgx-v100 --fidelity ";
  const json links = json_of(line + "flows").at("simulation").at("busiest_links");
  REQUIRE(links.size() > 1);
  CHECK(links.at(0).at("utilisation") >= links.at(1).at("utilisation"));
  CHECK(links.at(0).at("bytes") > 0);
  CHECK(contains(command::run(line + "flows").out, "busiest links"));
  const command::Result formula = command::run(line + "formula --all-reduce halving_doubling");
  CHECK(contains(formula.out, "busiest links: by formula none is looked at"));
  CHECK(contains(formula.err, "share link"));
}

TEST_CASE("parameter servers on hosts use the memory of the processors, and no device") {
  const std::string line =
      "simulate --model lenet5 --plan parameter_server --servers-on hosts --batch 64 --cluster workstation-1080ti --ranks ";
  const json run = json_of(line + "5");  // four workers on the four devices of a node, and its processor
  CHECK(run.at("schedule").at("servers").at("on") == "hosts");
  std::string links;
  for (const json& link : run.at("simulation").at("busiest_links")) links += link.at("name").get<std::string>() + " ";
  CHECK(contains(links, "node0.host.down"));
  CHECK(!contains(links, "node1."));
  CHECK(contains(command::run(line + "10 --servers 2").out, "2 servers on hosts"));
  const command::Result none =
      command::run("simulate --plan parameter_server --servers-on hosts --ranks 5 --batch 64 --cluster dgx-v100");
  CHECK(none.exit_code == 2);
  CHECK(contains(none.err, "add for example host:"));
  // Nodes of two kinds: updates of a server take the memory of its own node.
  const auto mixed = [&](const std::string& first, const std::string& second) {
    const auto group = [](const std::string& host) {
      return "  - nodes: 1\n    node: {devices: 2, device: V100-SXM2-16GB, link: {bandwidth: 100GB/s, latency: 1us}, "
             "nic: {bandwidth: 100GB/s, latency: 1us}" +
             host + "}\n";
    };
    command::write("mixed.yaml", "name: mixed\ngroups:\n" + group(first) + group(second));
    return "simulate --model vgg16 --plan parameter_server --servers 2 --servers-on hosts --ranks 6 --batch 64 --cluster "
           "mixed.yaml";
  };
  const auto host = [](const char* bandwidth) { return std::string(", host: {bandwidth: ") + bandwidth + ", latency: 1us}"; };
  const auto step_s = [&](const char* first, const char* second) {
    return json_of(mixed(host(first), host(second))).at("step_time_s").get<double>();
  };
  const double fast_s = step_s("80GB/s", "80GB/s");
  CHECK(step_s("80GB/s", "8GB/s") > 1.5 * fast_s);
  CHECK(step_s("8GB/s", "80GB/s") > 1.5 * fast_s);
  const command::Result half = command::run(mixed(host("80GB/s"), ""));
  CHECK(half.exit_code == 2);
  CHECK(contains(half.err, "cluster 'mixed' does not state it for node 1"));
  CHECK(contains(command::run("simulate --plan parameter_server --servers-on host --cluster dgx1-v100").err,
                 "did you mean 'hosts'"));
  CHECK(contains(command::run("cluster show dgx1-v100").out, "host memory"));
}

TEST_CASE("with the library's collectives a GPU computes more slowly beside them, and that is said") {
  const std::string line = "simulate --model vgg16 --ranks 64 --batch-per-rank 32 --cluster dgx-v100 --collectives library ";
  CHECK(contains(command::run(line).out, "% of a GPU from compute ops beside them"));
  CHECK(json_of(line).at("compute_s") > 1.01 * json_of(line + "--overlap off").at("compute_s").get<double>());
}

TEST_CASE("somebody else's times of layers take the place of a model of compute") {
  command::write("times.csv", "layer,pass,batch,time_ms\nconv1,forward,32,50\nconv1,backward,32,70\n");
  const std::string line = "simulate --model lenet5 --ranks 2 --batch-per-rank 32 --profile times.csv";
  const command::Result slow = command::run(line + " --cluster dgx-v100 --json layers.json");
  INFO(slow.err);
  REQUIRE(slow.exit_code == 0);
  CHECK(contains(slow.err, "times.csv has no times for"));
  const json run = json::parse(command::read("layers.json"));
  CHECK(run.at("compute_s").get<double>() > 0.12);
  CHECK(run.at("compute_s").get<double>() < 0.125);
  CHECK(run.at("simulation").at("cost").at("source") == "csv");
  CHECK(contains(command::run(line).err, "give its --cluster too"));
  command::write("times.csv", "layer,pass,batch,time_ms\nconv9,forward,32,50\n");
  const command::Result wrong = command::run(line + " --cluster dgx-v100");
  CHECK(wrong.exit_code == 2);
  CHECK(contains(wrong.err, "line 2, column 1: lenet5 has no layer 'conv9'"));
}

TEST_CASE("the links of this machine are measured, or refused with the reason") {
  const command::Result measured = command::run("calibrate --run --ranks 2 --output here.yaml --json here.json");
  INFO(measured.err);
  if (measured.exit_code == 0) {
    const json fit = json::parse(command::read("here.json"));
    CHECK(fit.at("points").size() == 17);
    CHECK(fit.at("residual").get<double>() <= 0.25);
    CHECK(contains(command::read("here.yaml"), "calibrated"));
    CHECK(command::run("collective --ranks 2 --cluster here.yaml").exit_code == 0);
  } else {  // a machine that is busy with other things gives times that no line explains
    CHECK(measured.exit_code == 2);
    CHECK(contains(measured.err, "convoy-train collective, line "));
  }
  CHECK(contains(command::run("calibrate --run").err, "give --ranks with 2 or more"));
  CHECK(contains(command::run("calibrate --nccl-log x.log --transport mpi").err, "so it takes --run"));
}

TEST_CASE("efficiency is by the ranks that have images, and GPUs that share cores also have a library") {
  const std::string served = "simulate --plan parameter_server --servers-on own --ranks 3 --batch 32 --cluster dgx-v100 --json -";
  const json one = json::parse(command::run("simulate --ranks 1 --batch 16 --cluster dgx-v100 --json -").out);
  CHECK(json::parse(command::run(served).out).at("simulation").at("one_rank_step_time_s") == one.at("step_time_s"));
  command::write("shared.yaml",
                 "name: shared\nnodes: 2\nnode:\n  devices: 2\n  device: V100-SXM2-16GB\n"
                 "  link: {bandwidth: 25GB/s, latency: 2us}\n  nic: {bandwidth: 100Gbit/s, latency: 3us}\n"
                 "  cores: 8\n  cores_per_rank: 1\n  communication_cores: 1\n");
  const command::Result library = command::run("simulate --ranks 4 --batch 64 --cluster shared.yaml --collectives library");
  INFO(library.err);
  CHECK(library.exit_code == 0);
}
