#include "simulator/smpi/ranks.h"

#include <smpi/smpi.h>
#include <xbt/config.hpp>

#include <algorithm>
#include <csignal>
#include <sstream>

#include "reference/core/error.h"
#include "reference/io/file.h"
#include "simulator/platform/network.h"
#include "simulator/smpi/platform.h"

namespace convoy {
namespace {

constexpr const char* kInstance = "train";
/// MPI's own functions and computing take no time.
const std::vector<std::string> kNoTime = {"smpi/simulate-computation:no", "smpi/test:0", "smpi/iprobe:0", "smpi/wtime:0"};

/// 0: of the cluster's first kind of nodes; else one more than the place among its others.
int kind_of(const Cluster& cluster, int rank) {
  int end = cluster.nodes * cluster.devices_per_node, kind = 0;
  while (rank >= end) {
    const Cluster& next = cluster.others.at(static_cast<std::size_t>(kind++));
    end += next.nodes * next.devices_per_node;
  }
  return kind;
}

void add_rank(sg::s4u::Host* host, int rank, const std::function<void()>& body) {
  const auto actor = sg::s4u::Actor::init(cat(kInstance, "#", rank), host);
  actor->set_property("instance_id", kInstance);
  actor->set_property("rank", std::to_string(rank));
  actor->start(body);
}

}  // namespace

SimulatedRanks::SimulatedRanks(SimulatedMachineSettings machine)
    : machine_(std::move(machine)), mpi_{.topology = machine_.topology, .timer = {}, .compute_s = {}, .announce = {}} {
  mpi_.timer = [this](double time_s) { return start_timer(time_s); };
  mpi_.announce = [this](const Model& model, const std::string& precision) { cost_ = machine_.cost_of(model, precision); };
  mpi_.compute_s = [this](const Program& program, int rank, int iteration, const Op& op, const Compute& compute) {
    return compute_s(program, rank, iteration, op, compute);
  };
  set_simulated_mpi(&mpi_);
}

SimulatedRanks::~SimulatedRanks() { set_simulated_mpi(nullptr); }

int SimulatedRanks::run(int rank, const std::function<int()>& program) {
  const int exit_code = program();
  timers_.erase(rank);
  return exit_code;
}

MPI_Request SimulatedRanks::start_timer(double time_s) {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return timers_[rank].start(time_s);
}

double SimulatedRanks::compute_s(const Program& program, int rank, int iteration, const Op& op, const Compute& compute) const {
  const int kind = cost_.others.empty() ? 0 : kind_of(machine_.cluster, rank);
  const CostModel& mine = kind == 0 ? cost_.first : cost_.others.at(static_cast<std::size_t>(kind - 1));
  return mine.compute_s(program, op, compute) * machine_.stragglers.factor(rank, iteration);
}

int run_ranks(const SimulatedMachineSettings& machine, const std::function<int(int rank)>& program_of) {
  const Network network(machine.cluster);
  smpi_init_options();  // declares the settings that begin with smpi/
  const auto on_interrupt = std::signal(SIGINT, SIG_DFL);
  const auto engine = sg::make_engine(kNoTime);
  std::signal(SIGINT, on_interrupt);  // and not SimGrid's way, which ends ranks in the middle of MPI and aborts
  const std::vector<sg::s4u::Host*> hosts = add_platform(*engine, network, machine.ranks);
  SMPI_init();
  SMPI_app_instance_register(kInstance, nullptr, machine.ranks);
  SimulatedRanks all(machine);
  int exit_code = 0;
  for (int rank = 0; rank < machine.ranks; ++rank)
    add_rank(hosts[static_cast<std::size_t>(rank)], rank,
             [&, rank] { exit_code = std::max(exit_code, all.run(rank, [&] { return program_of(rank); })); });
  engine->run();
  SMPI_finalize();
  return exit_code;
}

bool started_by_smpirun() { return sg::s4u::Engine::has_instance() && sg::s4u::Actor::self() != nullptr; }

int smpirun_rank() { return std::stoi(sg::s4u::Actor::self()->get_property("rank")); }

/// As smpirun counts them: -np, else the lines of the host file.
int smpirun_ranks() {
  if (const int typed = simgrid::config::get_value<int>("smpi/np"); typed > 0) return typed;
  std::istringstream hosts(read_file(simgrid::config::get_value<std::string>("smpi/hostfile")));
  int count = 0;
  for (std::string line; std::getline(hosts, line);)
    if (line.find_first_not_of(" \t\r") != std::string::npos) ++count;
  return count;
}

void take_no_time() {
  for (const std::string& setting : kNoTime) sg::s4u::Engine::set_config(setting);
}

}  // namespace convoy
