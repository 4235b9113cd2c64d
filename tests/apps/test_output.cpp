#include <nlohmann/json.hpp>
#include <sstream>

/// What the verbs print: help with examples, JSON that programs can read, and numbers that follow from each other.
#include "tests/apps/json_of.h"

using namespace convoy;
using command::contains;
using command::json_of;
using nlohmann::json;

TEST_CASE("the help of every verb begins with two examples or more") {
  for (const char* verb : {"train", "profile", "simulate", "sweep", "compare", "accuracy", "schedule", "collective", "model",
                           "cluster", "cluster show", "doctor"}) {
    CAPTURE(verb);
    const std::string help = command::run(std::string(verb) + " --help").out;
    CHECK(help.rfind("Examples:\n  convoy ", 0) == 0);
    std::size_t examples = 0;
    for (std::size_t at = help.find("\n  convoy "); at != std::string::npos; at = help.find("\n  convoy ", at + 1)) ++examples;
    CHECK(examples >= 2);
  }
}

TEST_CASE("convoy alone shows where to begin, --help all verbs, --version the versions") {
  CHECK(contains(command::run("").out, "convoy doctor"));
  const std::string help = command::run("--help").out;
  for (const char* verb : {"train", "profile", "simulate", "compare", "schedule", "collective", "model", "cluster", "doctor"})
    CHECK(contains(help, verb));
  CHECK(command::run("--version").out.rfind("convoy 0.", 0) == 0);
  CHECK(contains(command::run("--version").out, "SimGrid"));
}

TEST_CASE("help is a word too, also of what convoy-train does") {
  CHECK(command::run("help").out == command::run("--help").out);
  CHECK(command::run("help simulate").out == command::run("simulate --help").out);
  CHECK(command::run("help train").out == command::run("train --help").out);
}

TEST_CASE("a simulated step says what binds it and what may help") {
  const std::string slow = command::run("simulate --model resnet50 --ranks 4096 --batch-per-rank 32 --cluster dgx-a100@512").out;
  CHECK(contains(slow, "what binds: communication that nothing hides"));
  CHECK(contains(slow, "may help: --all-reduce auto; --gradients f16, half of the bytes; more images a rank; convoy advise"));
  const std::string fast = command::run("simulate --model vgg16 --ranks 8 --batch-per-rank 32 --cluster dgx-v100").out;
  CHECK(contains(fast, "what binds: computing"));
  CHECK_FALSE(contains(fast, "may help"));
  CHECK(contains(command::run("simulate --plan pipeline --model vgg16 --ranks 4 --batch 64 --cluster dgx-v100").out,
                 "more --micro-batches"));
}

TEST_CASE("what may help can be typed") {
  const std::string slow = " --ranks 8 --batch 8 --cluster v100-10gbe";
  int typed = 0;
  for (const std::string& options :
       {slow, " --plan spatial --mode evaluate" + slow, " --chunks 2" + slow, " --channels 2" + slow, " --precision fp16" + slow,
        " --plan pipeline --mode evaluate" + slow, std::string(" --plan pipeline --ranks 4 --batch 4 --cluster dgx-v100")}) {
    const std::string line = "simulate --model resnet50" + options;
    CAPTURE(line);
    const std::string out = command::run(line).out;
    const bool evaluates = contains(line, "evaluate");
    CHECK(contains(out, "advise") == !evaluates);
    CHECK_FALSE(contains(out, "more --micro-batches"));  // there is one image in each
    const std::size_t at = out.find("may help: ");
    if (at == std::string::npos) continue;
    std::istringstream words(out.substr(at + 10, out.find('\n', at) - at - 10));
    for (std::string word; std::getline(words >> std::ws, word, ';');) {
      if (!word.starts_with("--")) continue;
      CAPTURE(word);
      CHECK(command::run(line + " " + word.substr(0, word.find(','))).exit_code == 0);
      ++typed;
    }
  }
  CHECK(typed >= 4);
}

TEST_CASE("with --json - the JSON is on stdout and the table on stderr") {
  for (const char* line : {"model", "model lenet5", "cluster", "cluster show dgx-v100", "schedule --ranks 2", "doctor",
                           "collective --ranks 4 --cluster ring-test", "simulate --ranks 2 --cluster dgx-v100 --gantt"}) {
    CAPTURE(line);
    const command::Result plain = command::run(line);
    const command::Result with_json = command::run(std::string(line) + " --json -");
    CHECK(with_json.exit_code == 0);
    CHECK(json::accept(with_json.out));
    const std::string last_line = plain.out.substr(plain.out.rfind('\n', plain.out.size() - 2) + 1);
    CHECK(contains(with_json.err, last_line));
    CHECK_FALSE(json::accept(plain.out));
  }
}

TEST_CASE("a simulated step is the sum of its parts and carries where its numbers are from") {
  const json run =
      json_of("simulate --model vgg16 --plan data --ranks 8 --batch-per-rank 32 --cluster v100-10gbe --iterations 3");
  const double compute_s = run.at("compute_s").get<double>();
  const double exposed_s = run.at("exposed_communication_s").get<double>();
  const double rest_s = run.at("wait_s").get<double>() + run.at("bubble_s").get<double>();
  const double step_s = run.at("step_time_s").get<double>();
  CHECK(compute_s > 0);
  CHECK(exposed_s > 0);
  CHECK(compute_s + exposed_s + rest_s == Approx(step_s).epsilon(1e-6));  // all steps after the first are alike
  CHECK(run.at("images_per_s").get<double>() == Approx(8 * 32 / step_s));
  CHECK(run.at("memory_bytes").at(0).get<double>() > 4.0 * 3 * 138'357'544);  // weights, gradients, momentum
  CHECK(run.at("steps") == 2);
  CHECK(run.at("clock") == "simulated");
  CHECK(run.at("provenance").at("step_time_s") == "simulated");
  CHECK(run.at("provenance").at("memory_bytes") == "formula");
  const json& more = run.at("simulation");
  CHECK(more.at("cost").at("source") == "kernels");  // of a GPU that we know
  CHECK(more.at("cost").at("optimistic") == false);
  CHECK(more.at("lower_bound_s").get<double>() <= step_s * (1 + 1e-9));
  CHECK(more.at("scaling_efficiency").get<double>() == Approx(more.at("one_rank_step_time_s").get<double>() / step_s));
  CHECK(more.at("scaling_efficiency").get<double>() < 1);
}

TEST_CASE("a roofline is taken where it is asked for or nothing better is known, and called optimistic") {
  const std::string line = "simulate --model lenet5 --ranks 2 --batch-per-rank 32 --cluster ";
  for (const char* rest : {"v100-10gbe --cost roofline", "two-core-machine"}) {
    const json cost = json_of(line + rest).at("simulation").at("cost");
    CHECK(cost.at("source") == "roofline");
    CHECK(cost.at("optimistic") == true);
  }
  CHECK(json_of(line + "v100-10gbe").at("compute_s") > json_of(line + "v100-10gbe --cost roofline").at("compute_s"));
}

TEST_CASE("without overlap all communication is exposed, and a step takes longer") {
  const std::string line = "simulate --model vgg16 --ranks 8 --batch-per-rank 32 --cluster v100-10gbe --overlap ";
  const json on = json_of(line + "on");
  const json off = json_of(line + "off");
  CHECK(on.at("hidden_communication_s").get<double>() > 0);
  CHECK(off.at("hidden_communication_s").get<double>() == Approx(0).margin(1e-9));
  CHECK(off.at("step_time_s").get<double>() > on.at("step_time_s").get<double>());
}

TEST_CASE("--batch is global and --batch-per-rank is of a rank") {
  const json global = json_of("simulate --ranks 4 --batch 64 --cluster dgx-v100");
  const json per_rank = json_of("simulate --ranks 4 --batch-per-rank 16 --cluster dgx-v100");
  CHECK(global.at("schedule") == per_rank.at("schedule"));
  CHECK(global.at("schedule").at("global_batch") == 64);
  CHECK(global.at("step_time_s") == per_rank.at("step_time_s"));
}

TEST_CASE("a ring that does not share links takes the time of its formula") {
  const json ring = json_of("collective all_reduce --algorithm ring --ranks 4 --bytes 8MB --cluster ring-test");
  const double formula_s = 2 * 3 * (1e-6 + 8e6 / 4 / 25e9);
  CHECK(ring.at("formula_time_s").get<double>() == Approx(formula_s).epsilon(1e-9));
  CHECK(ring.at("time_s").get<double>() == Approx(formula_s).epsilon(1e-6));
  CHECK(ring.at("busbw_bytes_per_s").get<double>() == Approx(8e6 / formula_s * 1.5).epsilon(1e-6));
  CHECK(ring.at("wrong").is_null());
  const json range = json_of("collective all_gather --ranks 4 --bytes 1KiB..16KiB:x4 --cluster ring-test");
  REQUIRE(range.at("sizes").size() == 3);
  CHECK(range.at("sizes").at(2).at("bytes") == 16384);
  CHECK(range.at("sizes").at(0).at("time_s") < range.at("sizes").at(2).at("time_s"));
}

TEST_CASE("a printed schedule reads back as valid, and a damaged one is refused with rank, op and sentence") {
  const std::string text = command::run("schedule --model lenet5 --ranks 2 --batch 64").out;
  command::write("good.txt", text);
  CHECK(command::run("schedule --check good.txt").exit_code == 0);

  // With an all-gather where the sum should be, gradients are used unreduced. The first "all_reduce" is the name of the op.
  std::string damaged = text;
  const std::size_t name = damaged.find("all_reduce");
  REQUIRE(name != std::string::npos);
  const std::size_t kind = damaged.find("all_reduce", name + 1);
  REQUIRE(kind != std::string::npos);
  damaged.replace(kind, 10, "all_gather");
  command::write("damaged.txt", damaged);
  const command::Result refused = command::run("schedule --check damaged.txt");
  CAPTURE(damaged, refused.out, refused.err);
  CHECK(refused.exit_code == 2);
  CHECK(contains(refused.out, "rank 0"));
  CHECK(contains(refused.out, "op "));
  CHECK(contains(refused.out, "unreduced gradient"));
}

TEST_CASE("two runs of one schedule are compared, two of different ones are not") {
  REQUIRE(command::run("simulate --model lenet5 --ranks 2 --cluster dgx-v100 --json a.json").exit_code == 0);
  REQUIRE(command::run("simulate --model lenet5 --ranks 2 --cluster v100-10gbe --json b.json").exit_code == 0);
  REQUIRE(command::run("simulate --model lenet5 --ranks 4 --cluster v100-10gbe --json c.json").exit_code == 0);
  const json compared = json_of("compare a.json b.json");
  const json a = json::parse(command::read("a.json"));
  const json b = json::parse(command::read("b.json"));
  CHECK(compared.at("rows").at(0).at("error").get<double>() ==
        Approx(b.at("step_time_s").get<double>() / a.at("step_time_s").get<double>() - 1));
  const command::Result refused = command::run("compare a.json c.json");
  CHECK(refused.exit_code == 2);
  CHECK(contains(refused.err, "ranks 2 and 4"));
}

TEST_CASE("a run that is simulated again on the same cluster differs by nothing") {
  REQUIRE(
      command::run("simulate --model lenet5 --ranks 3 --batch 50 --overlap off --cluster dgx-v100 --json again.json").exit_code ==
      0);
  const json compared = json_of("compare --run again.json --cluster dgx-v100");
  for (const json& row : compared.at("rows")) {
    CAPTURE(row.dump());
    if (!row.at("error").is_null()) CHECK(row.at("error").get<double>() == Approx(0).margin(1e-9));
  }
}

TEST_CASE("the picture of a step shows communication behind backward") {
  const std::string out = command::run("simulate --model vgg16 --ranks 2 --batch-per-rank 16 --cluster dgx-v100 --gantt").out;
  CHECK(contains(out, "rank 0  compute"));
  CHECK(contains(out, "rank 1  communication"));
  CHECK(contains(out, "BBBB"));
}

TEST_CASE("a timeline file holds every op of every rank and iteration") {
  REQUIRE(command::run("simulate --model lenet5 --ranks 2 --cluster dgx-v100 --iterations 2 --timeline t.json").exit_code == 0);
  const json file = json::parse(command::read("t.json"));
  CHECK(file.at("intervals").size() == 2 * 2 * file.at("programs").at(0).size());
}

TEST_CASE("train, profile, simulate and compare go hand in hand on this machine") {
  const command::Result trained =
      command::run("train --model lenet5 --data synthetic --samples 512 --steps 4 --ranks 2 --batch 32 --json measured.json");
  CAPTURE(trained.err);
  REQUIRE(trained.exit_code == 0);
  const command::Result profiled =
      command::run("profile --ranks 2 --batch-per-rank 16 --steps 3 --profile-out p.json --cluster-out c.yaml");
  CAPTURE(profiled.err);
  REQUIRE(profiled.exit_code == 0);
  CHECK(contains(profiled.out, "wrote p.json"));
  CHECK(contains(profiled.out, "wrote c.yaml"));

  const json cluster = json_of("cluster show c.yaml");
  const json profile = json::parse(command::read("p.json"));
  CHECK(cluster.at("devices_per_node") == 2);
  const auto near = [](const auto& one, const auto& other) {  // cluster files have four digits
    return one.template get<double>() == Approx(other.template get<double>()).epsilon(1e-3);
  };
  CHECK(near(cluster.at("node_link").at("bandwidth_bytes_per_s"), profile.at("transport").at("bandwidth_bytes_per_s")));
  CHECK(near(cluster.at("node_link").at("latency_s"), profile.at("transport").at("latency_s")));
  CHECK(cluster.at("cores_per_node") == profile.at("cores"));

  const json compared = json_of("compare --run measured.json --cluster c.yaml --profile p.json");
  CHECK(compared.at("first") == "measured");
  CHECK(compared.at("second") == "simulated");
  CHECK(compared.at("rows").at(0).at("measured_s").get<double>() > 0);
  CHECK(compared.at("rows").at(0).at("simulated_s").get<double>() > 0);
  CHECK(compared.at("rows") == json_of("compare --run measured.json --profile p.json").at("rows"));

  const json simulated = json_of("simulate --ranks 2 --batch 32 --profile p.json");
  CHECK(simulated.at("simulation").at("cost").at("source") == "profile");
}

TEST_CASE("the exit code and the words of convoy-train come through") {
  const command::Result misspelt = command::run("train --modle lenet5");
  CHECK(misspelt.exit_code == 2);
  CHECK(contains(misspelt.err, "did you mean '--model'"));
  CHECK(contains(command::run("train --help").out, "--learning-rate"));
  const command::Result profile = command::run("profile --modle lenet5");
  CHECK(profile.exit_code == 2);
  CHECK(contains(profile.err, "did you mean '--model'"));
}

TEST_CASE("swing takes what halving and doubling takes on a switch, and less on a ring of wires, with its mirror image as well") {
  const auto time_s = [](const std::string& words, const std::string& cluster) {
    return json_of("collective all_reduce --ranks 32 --bytes 16MiB --algorithm " + words + " --cluster " + cluster).at("time_s").get<double>();
  };
  CHECK(time_s("swing", "flat-100gbit") == Approx(time_s("halving_doubling", "flat-100gbit")).epsilon(1e-9));
  const double one = time_s("swing --channels 1", "ring_50GiBps_500ns");
  CHECK(one < 0.7 * time_s("halving_doubling", "ring_50GiBps_500ns"));
  CHECK(time_s("swing", "ring_50GiBps_500ns") < 0.8 * one);
}

TEST_CASE("every algorithm is listed, and auto says what it chose and why") {
  const json list = json_of("collective --list").at("algorithms");
  CHECK(list.size() > 20);
  for (const json& row : list) CHECK(row.at("sentence").get<std::string>().size() > 20);
  const std::string choose = "collective --algorithm auto --ranks 8 --bytes 1KiB --cluster ";
  CHECK(contains(command::run(choose + "ring_50GiBps_500ns").out, "auto takes this ring for a switch"));
  CHECK_FALSE(contains(command::run(choose + "flat-100gbit").out, "for a switch"));
  const json chosen = json_of("collective --algorithm auto --ranks 64 --bytes 256..256MiB:x1048576 --cluster ring-test");
  CHECK(chosen.at("choices").at(0).at("algorithm") == "recursive_doubling");
  CHECK(chosen.at("choices").at(1).at("algorithm") == "halving_doubling");
  CHECK(chosen.at("choices").at(1).at("why").get<std::string>().find("against") != std::string::npos);
  // The simulation on one switch is the estimate by which it was chosen.
  const double formula_s = chosen.at("sizes").at(1).at("formula_time_s").get<double>();
  CHECK(chosen.at("sizes").at(1).at("time_s").get<double>() == Approx(formula_s).epsilon(1e-9));
}

TEST_CASE("a real collective has its elements checked") {
  const json real = json_of("collective all_reduce --ranks 2 --bytes 1KiB..4KiB:x2 --run");
  REQUIRE(real.at("sizes").size() == 3);
  for (const json& size : real.at("sizes")) {
    CHECK(size.at("wrong") == 0);
    CHECK(size.at("time_s").get<double>() > 0);
  }
  CHECK(real.at("provenance").at("time_s") == "measured");
}

TEST_CASE("the doctor finds convoy-train beside convoy and says what it knows") {
  const json doctor = json_of("doctor");
  CHECK(doctor.at("convoy_train").at("models").size() == json_of("model").at("models").size());
  bool found = false;
  for (const json& finding : doctor.at("findings")) {
    if (finding.at("name") == "convoy-train") found = finding.at("present").get<bool>();
    if (finding.at("present") == false && finding.at("used") == true)
      CHECK_FALSE(finding.at("install").get<std::string>().empty());
  }
  CHECK(found);
}
