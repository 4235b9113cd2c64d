#include "simulator/apps/ranks.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <optional>

#include "reference/core/error.h"
#include "reference/io/file.h"
#include "reference/io/host.h"
#include "reference/io/json_fields.h"
#include "reference/io/plan_file.h"
#include "reference/io/report.h"
#include "simulator/apps/start.h"

namespace convoy {
namespace {

/// The value of the last "--name value" or "--name=value".
std::optional<std::string> option_value(const std::vector<std::string>& words, const std::string& name) {
  std::optional<std::string> value;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (words[i] == name && i + 1 < words.size()) value = words[i + 1];
    if (words[i].starts_with(name + "=")) value = words[i].substr(name.size() + 1);
  }
  return value;
}

/// As many as the mesh of a plan from a file has. What is wrong with the file is said by convoy-train.
int ranks_of_plan(const std::string& plan) {
  if (!is_plan_file(plan)) return kDefaultRanks;
  try {
    return parse_plan(read_file(plan), plan).mesh.world_size();
  } catch (const InputError&) {
    return kDefaultRanks;
  }
}

/// The number of ranks, or nothing when it is none.
std::optional<int> rank_count(const std::vector<std::string>& words) {
  const std::optional<std::string> typed = option_value(words, "--ranks");
  if (!typed) return ranks_of_plan(option_value(words, "--plan").value_or(""));
  int ranks = 0;
  const auto [end, failure] = std::from_chars(typed->data(), typed->data() + typed->size(), ranks);
  constexpr int kMost = 1 << 16;
  if (failure != std::errc() || end != typed->data() + typed->size() || ranks < 1 || ranks > kMost) return std::nullopt;
  return ranks;
}

/// Whether this is already a rank that somebody's mpirun has started.
bool is_started_by_mpi() {
  return std::getenv("PMI_RANK") != nullptr || std::getenv("PMIX_RANK") != nullptr ||
         std::getenv("OMPI_COMM_WORLD_RANK") != nullptr;
}

bool asks_for_help(const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(), [](const std::string& word) { return word == "--help" || word == "-h"; });
}

/// What the launchers need to hear besides the number of ranks.
std::vector<std::string> launcher_options(const std::string& library, int ranks) {
  if (!library.starts_with("Open MPI")) return {};
  std::vector<std::string> options = {"-q", "--bind-to", "none"};  // we bind ranks to cores ourselves
  if (geteuid() == 0) options.emplace_back("--allow-run-as-root");
  if (ranks > this_host().cores) options.emplace_back("--oversubscribe");
  return options;
}

/// convoy-train-smpi has all ranks in its one process.
Command smpi_command(const std::vector<std::string>& arguments) {
  const std::string program = "convoy-train-smpi";
  if (find_program(program).empty())
    throw InputError(cat("--transport smpi takes ", program,
                         ", which is neither beside convoy nor in a folder of $PATH; it is built where "
                         "SimGrid has its smpi/mpi.h (libsimgrid-dev): configure and build again, or use --transport threads"));
  return {program, arguments};
}

}  // namespace

Command command_for(const std::vector<std::string>& arguments) {
  const std::string self = "convoy-train";
  const std::optional<int> ranks = rank_count(arguments);
  if (option_value(arguments, "--transport") == "smpi") return smpi_command(arguments);
  if (arguments.front() == "train")
    for (const char* option : {"--cluster", "--profile", "--cost"})
      if (option_value(arguments, option))
        throw InputError(cat(
            option, " is about a simulated machine; train takes it with --transport smpi, and convoy simulate trains nothing"));
  if (option_value(arguments, "--transport") != "mpi" || !ranks || is_started_by_mpi() || asks_for_help(arguments))
    return {self, arguments};
  const auto facts = json_or_nothing(run_and_read(self, {"facts"}).output);
  if (!facts.is_object() || !facts.contains("mpi_launcher") || !facts["mpi_launcher"].is_string()) return {self, arguments};
  const auto launcher = facts["mpi_launcher"].get<std::string>();
  const auto library = facts["mpi_library"].get<std::string>();
  if (find_program(launcher).empty())
    throw InputError(
        cat("convoy-train was built with ", library, ", and its ", launcher,
            ", which starts the ranks, is not in a folder of $PATH; install the package that has it (mpich, or openmpi-bin)"));
  Command command{launcher, launcher_options(library, *ranks)};
  command.arguments.insert(command.arguments.end(), {"-n", std::to_string(*ranks), find_program(self)});
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  return command;
}

}  // namespace convoy
