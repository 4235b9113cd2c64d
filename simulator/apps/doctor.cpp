#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "reference/core/units.h"
#include "reference/io/cli.h"
#include "reference/io/host.h"
#include "reference/io/json_fields.h"
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
  bool used = true;     ///< by this version
  std::string trouble;  ///< what is wrong with one that is there
};

/// What convoy-train says about itself and the machine.
struct Facts {
  std::string path;                             ///< of convoy-train; "" when it is missing
  std::string trouble;                          ///< why a convoy-train that is there said nothing
  std::optional<nlohmann::ordered_json> facts;  ///< nothing when it is missing or in trouble
};

Facts facts_of_convoy_train() {
  Facts found{.path = find_program("convoy-train"), .trouble = "", .facts = {}};
  if (found.path.empty()) return found;
  const Finished answer = run_and_read("convoy-train", {"facts"});
  auto facts = ordered_json_or_nothing(answer.output);
  if (answer.exit_code != 0)
    found.trouble = fmt::format("'{} facts' ended with exit code {}", found.path, answer.exit_code);
  else if (!facts.is_object())
    found.trouble = fmt::format("'{} facts' printed no JSON", found.path);
  else
    found.facts = std::move(facts);
  return found;
}

/// The first of these files that is there; "" when none is.
std::string first_file(const std::vector<std::string>& folders, const std::vector<std::string>& names) {
  for (const std::string& folder : folders) {
    for (const std::string& name : names) {
      std::error_code ignored;
      const std::filesystem::path path = std::filesystem::path(folder) / name;
      if (std::filesystem::exists(path, ignored)) return path.string();
    }
  }
  return "";
}

/// What nobody misses who has no GPU: what is absent is no complaint.
std::vector<Finding> optional_findings() {
  const std::vector<std::string> libraries = {
      "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib", "/usr/local/lib",
      "/usr/local/cuda/lib64"};
  const auto optional = [](const std::string& name, const std::string& where, const std::string& unlocks) {
    return Finding{
        .name = name, .present = !where.empty(), .what = where, .unlocks = unlocks, .install = "", .used = false, .trouble = ""};
  };
  const std::string gpu = first_file({"/dev"}, {"nvidia0", "nvidia1", "nvidiactl"});
  return {optional("NVIDIA GPU", gpu,
                   gpu.empty() ? "its kernels run on the CPU: convoy-cuda-ladder --emulator"
                               : "scripts/gpu-check says in ten minutes what works on it and how fast; train --backend cuda"),
          optional("CUDA", first_file(libraries, {"libcudart.so", "libcudart.so.13", "libcudart.so.12", "libcudart.so.11.0"}),
                   "kernels for NVIDIA's GPUs, when nvcc was there at building"),
          optional("NCCL", first_file(libraries, {"libnccl.so", "libnccl.so.2"}), "not used by this version")};
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
    {"onnx", "ONNX", "networks from files: --model FILE.onnx",
     "sudo apt-get install libonnx-dev libprotobuf-dev, then configure and build again"},
    {"openmp", "OpenMP", "several threads a rank", "build again with -DCONVOY_WITH_OPENMP=ON"},
    {"mpi", "MPI", "ranks as processes: --transport mpi",
     "sudo apt-get install mpich libmpich-dev, then configure and build again"},
};

/// The fact says whether the part is there, a second one with "_folder" or "_library" behind its name where or which.
Finding finding_of(const nlohmann::ordered_json& facts, const Part& part) {
  const auto there = facts.find(part.fact);
  auto folder = facts.find(std::string(part.fact) + "_folder");
  if (folder == facts.end()) folder = facts.find(std::string(part.fact) + "_library");
  return {.name = part.name,
          .present = there != facts.end() && *there == true,
          .what = folder != facts.end() && folder->is_string() ? folder->get<std::string>() : "",
          .unlocks = part.unlocks,
          .install = part.install,
          .used = true,
          .trouble = ""};
}

std::vector<Finding> findings(const Facts& facts) {
  const Host host = this_host();
  std::vector<Finding> all = {
      {"processor", true, host.cpu_model, "", "", true, ""},
      {"cores", true, fmt::format("{}", host.cores),
       fmt::format("runs of up to {} ranks that do not disturb each other", host.cores), "", true, ""},
      {"memory", true, format_bytes(static_cast<double>(host.memory_bytes)), "", "", true, ""},
      {"SimGrid", true, kSimGridVersion, "simulate, collective, compare --run", "", true, ""},
      {"clusters", true, fmt::format("{} come with convoy", cluster_names().size()), "simulate --cluster NAME", "", true, ""},
      {"convoy-train", !facts.path.empty(), facts.path, "train, profile, collective --run",
       "cmake --build BUILD --target convoy-train", true, facts.trouble},
  };
  const std::string smpi = find_program("convoy-train-smpi");
  all.push_back({"SMPI", !smpi.empty(), smpi, "training on a simulated cluster: --transport smpi",
                 "sudo apt-get install libsimgrid-dev, then configure and build again", true, ""});
  if (facts.facts)
    for (const Part& part : kParts) all.push_back(finding_of(*facts.facts, part));
  for (const Finding& finding : optional_findings()) all.push_back(finding);
  return all;
}

/// What is missing or in trouble, as a line; "" for what is well, and for what is not used anyway.
std::string complaint_of(const Finding& finding) {
  if (!finding.trouble.empty())
    return fmt::format("{} does not work: {}; build it again: {}\n", finding.name, finding.trouble, finding.install);
  if (!finding.present && finding.used) return fmt::format("{} is missing: {}\n", finding.name, finding.install);
  return "";
}

std::string state_of(const Finding& finding) {
  if (!finding.trouble.empty()) return "BROKEN";
  if (finding.present) return "yes";
  return finding.used ? "NO" : "no";
}

nlohmann::ordered_json finding_json(const Finding& finding) {
  nlohmann::ordered_json json = {{"name", finding.name},  {"present", finding.present}, {"used", finding.used},
                                 {"found", finding.what}, {"unlocks", finding.unlocks}, {"install", nullptr},
                                 {"trouble", nullptr}};
  if (finding.used && !finding.present) json["install"] = finding.install;
  if (!finding.trouble.empty()) json["trouble"] = finding.trouble;
  return json;
}

void run(const Output& output) {
  const Facts facts = facts_of_convoy_train();
  Table table({{"", Align::left}, {"", Align::left}, {"found", Align::left}, {"unlocks", Align::left}});
  std::string missing;
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const Finding& finding : findings(facts)) {
    table.add_row({state_of(finding), finding.name, finding.what, finding.unlocks});
    missing += complaint_of(finding);
    list.push_back(finding_json(finding));
  }
  output.text(table.to_string() + "\n" + (missing.empty() ? "Nothing that this version uses is missing.\n" : missing));
  output.json(nlohmann::ordered_json{{"findings", list},
                                     {"convoy_train", facts.facts ? *facts.facts : nlohmann::ordered_json()},
                                     {"provenance", {{"findings", "measured"}, {"convoy_train", "measured"}}}});
}

}  // namespace

void add_doctor(Verb& app) {
  Verb* verb = add_verb(app, "doctor", "Say what this machine has, what that unlocks and what is missing.",
                        {"convoy doctor", "convoy doctor --json -"});
  const auto output = std::make_shared<Output>();
  output->add_to(*verb);
  verb->callback([output] { run(*output); });
}

}  // namespace convoy
