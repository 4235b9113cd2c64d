#include "simulator/smpi/ranks.h"

#include <mpi.h>
#include <smpi/smpi.h>

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "reference/core/error.h"
#include "simulator/platform/network.h"
#include "simulator/smpi/platform.h"

namespace convoy {
namespace {

constexpr const char* kInstance = "train";

/// The timers of one rank: when which message is to be sent to it.
struct Timers {
  sg::s4u::SemaphorePtr changed = sg::s4u::Semaphore::create(0);
  std::multimap<double, int> due;  ///< simulated time -> tag
  int next_tag = 0;
  bool over = false;

  void add(double time_s, int tag) {
    due.emplace(sg::s4u::Engine::get_clock() + time_s, tag);
    changed->release();
  }
  void end() {
    over = true;
    changed->release();
  }
};

/// The rank beside a rank.
void keep_time(Timers& timers, int of_rank) {
  MPI_Init(nullptr, nullptr);
  MPI_Comm none = MPI_COMM_NULL;
  MPI_Comm_split(MPI_COMM_WORLD, MPI_UNDEFINED, 0, &none);  // the ranks that train stay among themselves
  while (!timers.over || !timers.due.empty()) {
    if (timers.due.empty()) {
      timers.changed->acquire();
      continue;
    }
    const auto next = timers.due.begin();
    const double left_s = next->first - sg::s4u::Engine::get_clock();
    if (left_s > 0 && !timers.changed->acquire_timeout(left_s)) continue;  // another one may be due before it
    const int tag = next->second;
    timers.due.erase(next);
    MPI_Send(nullptr, 0, MPI_BYTE, of_rank, tag, MPI_COMM_WORLD);
  }
  MPI_Finalize();
}

/// SimGrid's settings: the fluid model with latencies; MPI's own functions and computing take no time.
std::unique_ptr<sg::s4u::Engine> make_engine() {
  smpi_init_options();
  std::vector<std::string> words = {"convoy-train-smpi",
                                    "--log=root.thresh:critical",
                                    "--cfg=network/model:CM02",
                                    "--cfg=network/crosstraffic:0",
                                    "--cfg=network/TCP-gamma:1e18",
                                    "--cfg=smpi/simulate-computation:no",
                                    "--cfg=smpi/test:0",
                                    "--cfg=smpi/iprobe:0",
                                    "--cfg=smpi/wtime:0",
                                    cat("--cfg=", sg::kTimePrecision, ":1e-15")};
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  int argc = static_cast<int>(words.size());
  return std::make_unique<sg::s4u::Engine>(&argc, argv.data());
}

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

int run_ranks(const SimulatedMachineSettings& machine, const std::function<int(int rank)>& main_of) {
  const int ranks = machine.ranks;
  const Network network(machine.cluster);
  const auto engine = make_engine();
  const std::vector<sg::s4u::Host*> hosts = add_platform(*engine, network, ranks);
  SMPI_init();
  SMPI_app_instance_register(kInstance, nullptr, 2 * ranks);
  std::vector<Timers> timers(static_cast<std::size_t>(ranks));

  SimulatedMpi simulated{.ranks = ranks, .topology = machine.topology, .timer = {}, .compute_s = {}, .announce = {}};
  simulated.timer = [&](double time_s) {
    int rank = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    Timers& mine = timers.at(static_cast<std::size_t>(rank));
    constexpr int kTags = 1 << 20;
    const int tag = mine.next_tag++ % kTags;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Irecv(nullptr, 0, MPI_BYTE, ranks + rank, tag, MPI_COMM_WORLD, &request);
    mine.add(time_s, tag);
    return request;
  };
  SimulatedCost cost;
  simulated.announce = [&](const Model& model, const std::string& precision) { cost = machine.cost_of(model, precision); };
  simulated.compute_s = [&](const Program& program, int rank, int iteration, const Op& op, const Compute& compute) {
    const int kind = cost.others.empty() ? 0 : kind_of(machine.cluster, rank);
    const CostModel& mine = kind == 0 ? cost.first : cost.others.at(static_cast<std::size_t>(kind - 1));
    return mine.compute_s(program, op, compute) * machine.stragglers.factor(rank, iteration);
  };
  set_simulated_mpi(&simulated);

  int exit_code = 0;
  for (int rank = 0; rank < ranks; ++rank)
    add_rank(hosts[static_cast<std::size_t>(rank)], rank, [&, rank] {
      exit_code = std::max(exit_code, main_of(rank));
      timers[static_cast<std::size_t>(rank)].end();
    });
  for (int rank = 0; rank < ranks; ++rank)
    add_rank(hosts[static_cast<std::size_t>(rank)], ranks + rank,
             [&, rank] { keep_time(timers[static_cast<std::size_t>(rank)], rank); });
  engine->run();
  SMPI_finalize();
  return exit_code;
}

}  // namespace convoy
