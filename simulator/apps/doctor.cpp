#include <fmt/format.h>

#include <memory>
#include <optional>
#include <vector>

#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/host.h"
#include "simulator/apps/output.h"
#include "simulator/apps/simgrid_version.h"
#include "simulator/apps/start.h"
#include "simulator/apps/verbs.h"
#include "simulator/platform/cluster.h"
#include "simulator/report/table.h"

namespace convoy {
namespace {

/// One thing that this machine has or lacks.
struct Finding {
  std::string name;
  bool present = true;
  std::string what;  ///< version, path or number
  std::string unlocks;
  std::string install;  ///< what to type when it is missing
};

/// What convoy-train says about itself and the machine; nothing when it is missing or does not answer.
std::optional<nlohmann::ordered_json> facts_of_convoy_train() {
  if (find_program("convoy-train").empty()) return std::nullopt;
  const Finished answer = run_and_read("convoy-train", {"facts"});
  auto facts = nlohmann::ordered_json::parse(answer.output, nullptr, false);
  if (answer.exit_code != 0 || !facts.is_object()) return std::nullopt;
  return facts;
}

/// A part of convoy-train that may have been left out when it was built, by the name of its fact.
struct Part {
  const char* fact;
  const char* name;
  const char* unlocks;
  const char* install;
};
constexpr Part kParts[] = {
    {"fashion_mnist", "Fashion-MNIST", "training on real images", "sudo apt-get install dataset-fashion-mnist"},
    {"openmp", "OpenMP", "several threads a rank", "build again with -DCONVOY_WITH_OPENMP=ON"},
};

/// The fact says whether the part is there, a second one with "_folder" behind its name where.
Finding finding_of(const nlohmann::ordered_json& facts, const Part& part) {
  const auto there = facts.find(part.fact);
  const auto folder = facts.find(std::string(part.fact) + "_folder");
  return {.name = part.name,
          .present = there != facts.end() && *there == true,
          .what = folder != facts.end() && folder->is_string() ? folder->get<std::string>() : "",
          .unlocks = part.unlocks,
          .install = part.install};
}

std::vector<Finding> findings(const std::optional<nlohmann::ordered_json>& facts) {
  const Host host = this_host();
  std::vector<Finding> all = {
      {"processor", true, host.cpu_model, "", ""},
      {"cores", true, fmt::format("{}", host.cores),
       fmt::format("runs of up to {} ranks that do not disturb each other", host.cores), ""},
      {"memory", true, format_bytes(static_cast<double>(host.memory_bytes)), "", ""},
      {"SimGrid", true, kSimGridVersion, "simulate, collective, compare --run", ""},
      {"clusters", true, fmt::format("{} come with convoy", cluster_names().size()), "simulate --cluster NAME", ""},
      {"convoy-train", facts.has_value(), find_program("convoy-train"), "train, profile, collective --run",
       "cmake --build BUILD --target convoy-train"},
  };
  if (facts)
    for (const Part& part : kParts) all.push_back(finding_of(*facts, part));
  return all;
}

void run(const Output& output) {
  const std::optional<nlohmann::ordered_json> facts = facts_of_convoy_train();
  Table table({{"", Align::left}, {"", Align::left}, {"found", Align::left}, {"unlocks", Align::left}});
  std::string missing;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings(facts)) {
    table.add_row({finding.present ? "yes" : "NO", finding.name, finding.what, finding.unlocks});
    if (!finding.present) missing += fmt::format("{} is missing: {}\n", finding.name, finding.install);
    list.push_back({{"name", finding.name},
                    {"present", finding.present},
                    {"found", finding.what},
                    {"unlocks", finding.unlocks},
                    {"install", finding.present ? nlohmann::ordered_json() : nlohmann::ordered_json(finding.install)}});
  }
  output.text(table.to_string() + "\n" + (missing.empty() ? "Nothing is missing.\n" : missing));
  output.json(nlohmann::ordered_json{
      {"version", tool_version()}, {"findings", list}, {"convoy_train", facts ? *facts : nlohmann::ordered_json()}});
}

}  // namespace

void add_doctor(CLI::App& app) {
  CLI::App* verb = add_verb(app, "doctor", "Say what this machine has, what that unlocks and what is missing.",
                            {"convoy doctor", "convoy doctor --json -"});
  const auto output = std::make_shared<Output>();
  output->add_to(*verb);
  verb->callback([output] { run(*output); });
}

}  // namespace convoy
