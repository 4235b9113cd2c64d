/// Lesson 7, collectives and alpha-beta costs: what a sum over all ranks takes, by hand, by formula and simulated.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "lessons/lesson.h"
#include "reference/collectives/choose.h"
#include "reference/core/units.h"
#include "simulator/cost/cost.h"
#include "simulator/engine/simulate.h"

using namespace convoy;
using namespace convoy::lesson;

namespace {

// [settings]
constexpr int kRanks = 16;
constexpr LinkModel kLink{.latency_s = 5 * us, .bandwidth_bytes_per_s = 10 * GB};
const std::vector<std::string> kNames = {"linear", "recursive_doubling", "halving_doubling", "ring"};
// [/settings]

CollectiveRequest request(int ranks, std::int64_t bytes) { return {.world_size = ranks, .count = bytes / 4}; }

/// What rank 0 of four does in every round, in quarters of the buffer.
std::string rounds_of(const char* name) {
  const CollectiveAlgorithm& algorithm = collective_algorithm(CollectiveKind::all_reduce, name);
  const CollectiveRequest four = request(4, 16);
  const Rounds rounds = algorithm.rounds(four);
  std::string text = fmt::format("{}, rank 0 of 4\n", name);
  for (std::int64_t i = 0; i < rounds.count; ++i) {
    const Round round = rounds.at(i);
    text +=
        fmt::format("  round {}:  sends {}/4 to rank {}, {} {}/4 from rank {}\n", i, round.send->slice.count, round.send->peer,
                    round.on_receive == OnReceive::add ? "adds  " : "copies", round.recv->slice.count, round.recv->peer);
  }
  return text;
}

// [alpha_beta]
/// The model of Hockney (1994): a message takes the latency, alpha, and its bytes divided by the bandwidth, 1/beta.
double message_s(double bytes) { return kLink.latency_s + bytes / kLink.bandwidth_bytes_per_s; }

/// A ring by hand: every rank sends a part of the buffer in every round, and there are 2(n-1) rounds.
double ring_by_hand_s(double bytes) { return 2 * (kRanks - 1) * message_s(bytes / kRanks); }
// [/alpha_beta]

/// One all-reduce as a schedule.
Schedule all_reduce(const std::string& name, std::int64_t bytes, int channels = 1) {
  Program program;
  const std::int64_t count = bytes / 4;
  program.buffers.push_back({"data", BufferKind::weights, DType::f32, {1, static_cast<int>(count), 1, 1}});
  program.ops.push_back({name,
                         kCommunicationStream,
                         {},
                         Collective{.algorithm = name, .region = {0, {0, count}}, .channels = channels, .ranks_per_node = 4}});
  Schedule schedule;
  schedule.mesh = {{{"rank", kRanks}}};
  schedule.programs = {program};
  schedule.class_of.assign(kRanks, 0);
  return schedule;
}

// [simulated]
/// Every message of every round as a flow on the links of a cluster. `placement`: the device of every rank.
double simulated_s(const Schedule& schedule, const Cluster& cluster, const std::vector<int>& placement = {}) {
  const Timeline timeline = simulate(schedule, 1, cluster, free_compute(), {.placement = placement});
  double end_s = 0;
  for (const Interval& interval : timeline.intervals) end_s = std::max(end_s, interval.end_s);
  return end_s;
}
// [/simulated]

void costs(Values& values) {
  std::string table = "algorithm            rounds   sends (buffers)       4 KiB       1 MiB     256 MiB\n";
  Cluster flat{.name = "flat", .nodes = kRanks};
  flat.nic = kLink;
  double worst = 0;
  for (const std::string& name : kNames) {
    const CollectiveAlgorithm& row = collective_algorithm(CollectiveKind::all_reduce, name);
    const CollectiveRequest large = request(kRanks, 1 << 20);
    table += fmt::format("{:<20} {:>6} {:>17.2f}", name, row.round_count(large),
                         static_cast<double>(row.elements_sent(large)) / (1 << 18));
    for (const std::int64_t bytes : {std::int64_t{4} << 10, std::int64_t{1} << 20, std::int64_t{256} << 20}) {
      const double formula_s = row.time_s(request(kRanks, bytes), static_cast<double>(bytes), kLink);
      worst = std::max(worst, std::abs(simulated_s(all_reduce(name, bytes), flat) / formula_s - 1));
      table += fmt::format(" {:>11}", format_time(formula_s));
    }
    table += "\n";
  }
  values.block("costs", table);
  values.value("agree", worst <= 1e-9 ? "agrees" : "does not agree");
  values.value("ring_us", fmt::format("{:.0f}", ring_by_hand_s(1 << 20) / us));
  values.value("ring_rounds", fmt::format("{}", 2 * (kRanks - 1)));
}

// [nodes]
/// Four nodes of four devices, which share one NIC.
Cluster nodes() {
  Cluster made{.name = "nodes", .nodes = 4, .devices_per_node = 4};
  made.node_link = {2 * us, 100 * GB};
  made.nic = kLink;
  return made;
}
// [/nodes]

void congestion(Values& values) {
  std::vector<int> dealt;  // to the nodes in turn, like cards
  for (int rank = 0; rank < kRanks; ++rank) dealt.push_back(rank % 4 * 4 + rank / 4);
  const std::int64_t bytes = std::int64_t{64} << 20;
  const double in_order_s = simulated_s(all_reduce("ring", bytes), nodes());
  const double dealt_s = simulated_s(all_reduce("ring", bytes), nodes(), dealt);
  std::string table = fmt::format("ring, ranks in order                {:>9}\n", format_time(in_order_s));
  table += fmt::format("ring, ranks dealt to the nodes      {:>9}\n", format_time(dealt_s));
  for (const char* name : {"halving_doubling", "hierarchical"})
    table +=
        fmt::format("{:<35} {:>9}\n", cat(name, ", ranks in order"), format_time(simulated_s(all_reduce(name, bytes), nodes())));
  values.block("congestion", table);
  values.value("formula_ms", fmt::format("{:.1f}", ring_by_hand_s(static_cast<double>(bytes)) / ms));
  values.value("dealt_times", fmt::format("{:.1f}", dealt_s / in_order_s));
}

// [auto]
CollectiveChoice choose(std::int64_t bytes) {
  const GroupTopology topology{.ranks_per_node = 4, .in_node = {2 * us, 100 * GB}, .between_nodes = kLink};
  return choose_algorithm(CollectiveKind::all_reduce, request(kRanks, bytes), 4, topology);
}
// [/auto]

void lesson_7(Values& values) {
  values.value("ranks", cat(kRanks));
  values.block("rounds", rounds_of("ring") + rounds_of("recursive_doubling"));
  costs(values);
  congestion(values);
  std::string table = "buffer     chosen\n";
  for (const std::int64_t kib : {1, 64, 1024, 16 * 1024, 256 * 1024}) {
    const CollectiveCandidate best = choose(kib * 1024).best;
    table += fmt::format("{:<10} {}, {} channel{}\n", format_bytes(1024.0 * static_cast<double>(kib)), best.algorithm,
                         best.channels, best.channels == 1 ? "" : "s");
  }
  values.block("auto", table);
}

}  // namespace

int main(int argc, char** argv) { return lesson::run(argc, argv, lesson_7); }
