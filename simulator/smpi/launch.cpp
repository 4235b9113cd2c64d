#include "simulator/smpi/launch.h"

#include <cstdlib>
#include <memory>

#include "reference/apps/commands.h"
#include "reference/apps/session.h"
#include "reference/core/error.h"
#include "reference/io/cli.h"
#include "reference/io/file.h"
#include "reference/io/host.h"
#include "reference/io/plan_file.h"
#include "reference/io/straggler_options.h"
#include "simulator/apps/machine_options.h"

namespace convoy {
namespace {

constexpr int kMostRanks = 1024;

struct Launch {
  std::unique_ptr<Verb> app;  ///< whose options say whether they were typed
  MachineOptions machine;
  StragglerWords stragglers;
  std::optional<int> ranks;
  std::string plan;
  std::string transport;
};

Launch read_launch(const std::vector<std::string>& words) {
  Launch launch;
  launch.app = std::make_unique<Verb>("", words.front());
  Verb& app = *launch.app;
  Verb* verb = app.add_subcommand("train");
  launch.machine.add_to(*verb);
  launch.stragglers.add_to(*verb);
  verb->add_option("--ranks", launch.ranks);
  verb->add_option("--plan", launch.plan);
  verb->add_option("--transport", launch.transport);
  verb->allow_extras();
  app.allow_extras();
  try {
    app.parse(std::vector<std::string>(words.begin() + 1, words.end()));
  } catch (const CommandLineError&) {
    launch.ranks = 1;  // which then says what is wrong
  }
  return launch;
}

/// As many as were typed, else as the mesh of a plan from a file has.
int ranks_of(const Launch& launch) {
  if (launch.ranks) {
    if (*launch.ranks < 1 || *launch.ranks > kMostRanks)
      throw InputError(cat("--ranks is ", *launch.ranks, "; with --transport smpi write 1 to ", kMostRanks));
    return *launch.ranks;
  }
  return is_plan_file(launch.plan) ? parse_plan(read_file(launch.plan), launch.plan).mesh.world_size() : kDefaultRanks;
}

}  // namespace

std::string program_name() {
  const char* typed = std::getenv("CONVOY_TYPED_AS");
  return typed != nullptr && *typed != '\0' ? typed : "convoy-train-smpi";
}

SimulatedMachineSettings read_machine(std::vector<std::string>& words, std::optional<int> started) {
  const Launch launch = read_launch(words);
  if (launch.transport.empty()) words.insert(words.end(), {"--transport", "smpi"});
  if (!launch.transport.empty() && launch.transport != "smpi")
    throw InputError(cat("this program has --transport smpi only; for ", launch.transport, " use convoy train"));
  if (launch.machine.words().find("--fidelity") != std::string::npos)
    throw InputError("--fidelity is for convoy simulate; here every message is simulated, so leave it out");
  const int ranks = started ? *started : ranks_of(launch);
  const ChosenMachine machine = launch.machine.machine();
  const Cluster cluster = for_ranks(machine.cluster, ranks);
  require_ranks(cluster, ranks);
  return {.cluster = cluster,
          .ranks = ranks,
          .topology = topology_of(cluster, ranks),
          .stragglers = launch.stragglers.stragglers(ranks),
          .cost_of = [machine](const Model& model, const std::string& precision) -> SimulatedCost {
            return {cost_of(machine, model, precision, "convoy profile --model " + model.name),
                    other_costs_of(machine, model, precision)};
          }};
}

/// The options of the machine have been read before; a rank only takes note that they are there.
int run_rank(int rank, std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int argc = static_cast<int>(words.size());
  char** arguments = argv.data();
  Session session(argc, arguments);
  Verb app{"Trains networks on several simulated ranks.", words.front()};
  app.require_subcommand(1);
  const std::string command = command_line(argc, arguments);
  add_train_verb(app, command, session);
  MachineOptions read_before;
  read_before.add_to(*app.get_subcommand("train"));
  if (rank == 0) return session.end(run_cli(app, argc, arguments));
  // All ranks are in this process, so those that have nothing of their own to say must be silent by themselves.
  try {
    app.parse(std::vector<std::string>(arguments + 1, arguments + argc));
    return session.end(0);
  } catch (const CommandLineError&) {
    return session.end(0);  // rank 0 says it
  } catch (const std::exception& error) {
    if (!session.all_know()) std::fprintf(stderr, "%s: rank %d: %s\n", words.front().c_str(), rank, error.what());
    return session.end(kExitInternal);
  }
}

}  // namespace convoy
