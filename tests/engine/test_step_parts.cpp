// Where the time of a rank's step goes: the parts of random schedules add up and are those that looking at every moment finds.
// And what went over links.
#include <algorithm>
#include <array>
#include <cmath>

#include "reference/core/error.h"
#include "reference/core/random.h"
#include "reference/schedule/validate.h"
#include "simulator/engine/sharing.h"
#include "simulator/engine/simulate.h"
#include "tests/catch.h"
#include "tests/engine/schedules.h"

using namespace convoy;
using namespace convoy::testing;

namespace {

/// A message of the random schedule: op `send_op` of `from`, op `recv_op` of `to`.
struct Sent {
  int from, to, send_op, recv_op;
};

struct RandomCase {
  Schedule schedule;
  std::map<std::string, double> times;  ///< of compute ops
  std::vector<Sent> messages;
};

/// Layers of one op each: every rank computes something of its own that waits for what it got in an earlier layer, then all sum
/// something up, or some send to others. Every message has streams of its own, so nothing can stand still.
RandomCase random_case(std::uint64_t seed) {
  Random random(seed);
  const auto below = [&](int n) { return static_cast<int>(random.below(n)); };
  const int ranks = 2 + below(4);
  RandomCase made{empty_schedule(ranks, ranks), {}, {}};
  std::vector<std::vector<int>> got(static_cast<std::size_t>(ranks));  // ops that a later compute op may wait for
  const auto program = [&](int rank) -> Program& { return made.schedule.programs[static_cast<std::size_t>(rank)]; };
  int stream = 1;
  for (int layer = 0; layer < 8; ++layer) {
    std::vector<int> computed;
    for (int r = 0; r < ranks; ++r) {
      std::vector<int>& before = got[static_cast<std::size_t>(r)];
      const std::string name = cat("rank ", r, " layer ", layer);
      std::vector<int> after;
      if (!before.empty() && below(2) == 0)
        after.push_back(before[static_cast<std::size_t>(below(static_cast<int>(before.size())))]);
      made.times[name] = 1e-6 * below(200);
      program(r).ops.push_back(compute_op(name, 0, after));
      computed.push_back(static_cast<int>(program(r).ops.size()) - 1);
    }
    ++stream;
    if (below(2) == 0) {
      const std::int64_t count = 1 + random.below(100'000);
      for (int r = 0; r < ranks; ++r) {
        const Region data = add_buffer(program(r), cat("sum ", layer), count);
        program(r).ops.push_back({cat("sum ", layer),
                                  stream,
                                  {computed[static_cast<std::size_t>(r)]},
                                  Collective{CollectiveKind::all_reduce, "ring", 0, layer, 0, 1, data}});
        got[static_cast<std::size_t>(r)].push_back(static_cast<int>(program(r).ops.size()) - 1);
      }
      continue;
    }
    // To the one `step` further, both ways in one op or only one way; the others in ops of their own.
    const int step = 1 + below(ranks - 1);
    const std::int64_t count = 1 + random.below(50'000);
    std::vector<bool> sends(static_cast<std::size_t>(ranks));
    for (int r = 0; r < ranks; ++r) sends[static_cast<std::size_t>(r)] = below(3) > 0;
    std::vector<int> send_op(static_cast<std::size_t>(ranks), -1), recv_op(static_cast<std::size_t>(ranks), -1);
    for (int r = 0; r < ranks; ++r) {
      const int source = (r - step + ranks) % ranks;
      Exchange exchange;
      if (sends[static_cast<std::size_t>(r)])
        exchange.send = Message{{0, step}, add_buffer(program(r), cat("out ", layer), count), 100 * layer + r};
      if (sends[static_cast<std::size_t>(source)])
        exchange.recv = Message{{0, -step}, add_buffer(program(r), cat("in ", layer), count), 100 * layer + source};
      if (!exchange.send && !exchange.recv) continue;
      std::vector<int> after;
      if (exchange.send) after.push_back(computed[static_cast<std::size_t>(r)]);
      program(r).ops.push_back({cat("message ", layer), stream, after, exchange});
      const int op = static_cast<int>(program(r).ops.size()) - 1;
      if (exchange.send) send_op[static_cast<std::size_t>(r)] = op;
      if (exchange.recv) recv_op[static_cast<std::size_t>(r)] = op;
      if (exchange.recv) got[static_cast<std::size_t>(r)].push_back(op);
    }
    for (int r = 0; r < ranks; ++r)
      if (const int to = (r + step) % ranks; sends[static_cast<std::size_t>(r)])
        made.messages.push_back({r, to, send_op[static_cast<std::size_t>(r)], recv_op[static_cast<std::size_t>(to)]});
  }
  return made;
}

/// When the last partner of an op had begun it, found by looking at all intervals.
double all_there_s(const RandomCase& made, const Timeline& timeline, const Interval& i) {
  double last_s = i.start_s;
  const Op& op = made.schedule.program(i.rank).ops[static_cast<std::size_t>(i.op)];
  if (std::holds_alternative<Collective>(op.action)) {
    for (const Interval& other : timeline.intervals)
      if (other.iteration == i.iteration &&
          made.schedule.program(other.rank).ops[static_cast<std::size_t>(other.op)].name == op.name)
        last_s = std::max(last_s, other.start_s);
  } else if (std::holds_alternative<Exchange>(op.action)) {
    for (const Sent& m : made.messages) {
      if (m.from == i.rank && m.send_op == i.op)
        last_s = std::max(last_s, interval_of(timeline, m.to, m.recv_op, i.iteration).start_s);
      if (m.to == i.rank && m.recv_op == i.op)
        last_s = std::max(last_s, interval_of(timeline, m.from, m.send_op, i.iteration).start_s);
    }
  }
  return last_s;
}

/// The parts of a rank's time in [from, to], by looking between all moments at which anything begins or ends.
RankTimes by_moments(const RandomCase& made, const Timeline& timeline, int rank, double from, double to) {
  struct Piece {
    double start_s, moves_s, end_s;
    bool computes, only_receives;
  };
  std::vector<Piece> pieces;
  std::vector<double> moments = {from, to};
  for (const Interval& i : timeline.intervals) {
    if (i.rank != rank) continue;
    const Op& op = made.schedule.program(rank).ops[static_cast<std::size_t>(i.op)];
    const auto* exchange = std::get_if<Exchange>(&op.action);
    const Piece piece{i.start_s, std::min(i.end_s, all_there_s(made, timeline, i)), i.end_s,
                      std::holds_alternative<Compute>(op.action), exchange != nullptr && !exchange->send};
    pieces.push_back(piece);
    for (const double moment : {piece.start_s, piece.moves_s, piece.end_s})
      if (moment > from && moment < to) moments.push_back(moment);
  }
  std::sort(moments.begin(), moments.end());
  RankTimes times;
  for (std::size_t m = 0; m + 1 < moments.size(); ++m) {
    const double now_s = (moments[m] + moments[m + 1]) / 2;
    const double long_s = moments[m + 1] - moments[m];
    bool computes = false, moves = false, waits = false;
    for (const Piece& piece : pieces) {
      if (!(piece.start_s <= now_s && now_s < piece.end_s)) continue;
      computes = computes || piece.computes;
      moves = moves || (!piece.computes && now_s >= piece.moves_s);
      waits = waits || (!piece.computes && now_s < piece.moves_s && !piece.only_receives);
    }
    if (computes && moves) times.hidden_communication_s += long_s;
    (computes ? times.compute_s : moves ? times.exposed_communication_s : waits ? times.wait_s : times.bubble_s) += long_s;
  }
  return times;
}

}  // namespace

TEST_CASE("compute, exposed communication, waiting and bubble add up to the step, on random schedules") {
  constexpr int kIterations = 3;
  std::array<int, 5> seen{};  // cases in which a part is there
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    const RandomCase made = random_case(seed);
    REQUIRE(validate(made.schedule).empty());
    const Fidelity fidelity = std::array{Fidelity::steps, Fidelity::flows, Fidelity::formula}.at(seed % 3);
    const Timeline timeline =
        simulate(made.schedule, kIterations, switch_cluster(3, 2), times_by_name(made.times), {.fidelity = fidelity});
    const StepTimes all = step_times(made.schedule, timeline, 1);
    REQUIRE(static_cast<int>(all.ranks.size()) == made.schedule.world_size());
    RankTimes mean;
    for (const RankTimes& rank : all.ranks) {
      CAPTURE(seed, rank.rank);
      const double sum_s = rank.compute_s + rank.exposed_communication_s + rank.wait_s + rank.bubble_s;
      REQUIRE(std::abs(sum_s - rank.step_s) <= 1e-12 * rank.step_s);
      double from = 0, to = 0;
      for (const Interval& i : timeline.intervals)
        if (i.rank == rank.rank) {
          to = std::max(to, i.end_s);
          if (i.iteration == 0) from = std::max(from, i.end_s);
        }
      const RankTimes found = by_moments(made, timeline, rank.rank, from, to);
      const double slack_s = 1e-9 * (to - from);
      REQUIRE(std::abs(2 * rank.step_s - (to - from)) <= slack_s);
      REQUIRE(std::abs(2 * rank.compute_s - found.compute_s) <= slack_s);
      REQUIRE(std::abs(2 * rank.exposed_communication_s - found.exposed_communication_s) <= slack_s);
      REQUIRE(std::abs(2 * rank.hidden_communication_s - found.hidden_communication_s) <= slack_s);
      REQUIRE(std::abs(2 * rank.wait_s - found.wait_s) <= slack_s);
      REQUIRE(std::abs(2 * rank.bubble_s - found.bubble_s) <= slack_s);
      mean.wait_s += rank.wait_s / made.schedule.world_size();
      mean.bubble_s += rank.bubble_s / made.schedule.world_size();
      seen[0] += found.compute_s > slack_s;
      seen[1] += found.exposed_communication_s > slack_s;
      seen[2] += found.hidden_communication_s > slack_s;
      seen[3] += found.wait_s > slack_s;
      seen[4] += found.bubble_s > slack_s;
    }
    REQUIRE(std::abs(all.compute_s + all.exposed_communication_s + all.wait_s + all.bubble_s - all.mean_step_time_s) <=
            1e-12 * all.mean_step_time_s);
    REQUIRE(std::abs(all.wait_s - mean.wait_s) <= 1e-12 * all.mean_step_time_s);
    REQUIRE(std::abs(all.bubble_s - mean.bubble_s) <= 1e-12 * all.mean_step_time_s);
  }
  for (const int cases : seen) REQUIRE(cases > 15);
}

TEST_CASE("the busiest links have what went over them") {
  // Two ranks send 10 MB each to a third, through one NIC of 10 GB/s; a fourth gets 1 MB from the first.
  const Schedule schedule = flows_schedule(4, {{0, 2, 10'000'000}, {1, 2, 10'000'000}, {0, 3, 1'000'000}});
  const Cluster cluster = switch_cluster(4, 1);
  for (const bool by_simgrid : {false, true}) {
    const Timeline timeline =
        simulate(schedule, 2, cluster, free_compute(), {.fidelity = Fidelity::steps, .everything_in_simgrid = by_simgrid});
    REQUIRE_FALSE(timeline.links.empty());
    const LinkTraffic& busiest = timeline.links.front();
    REQUIRE(busiest.name == "node2.nic0.down");
    REQUIRE(busiest.bytes == Approx(40e6));
    REQUIRE(busiest.most_flows == 2);
    REQUIRE(busiest.utilisation == Approx(40e6 / (10e9 * end_of(timeline))));
    REQUIRE(busiest.utilisation > 0.99);
    double up_bytes = 0;
    for (std::size_t i = 0; i < timeline.links.size(); ++i) {
      if (i > 0) REQUIRE(timeline.links[i].utilisation <= timeline.links[i - 1].utilisation);
      if (timeline.links[i].name.ends_with(".up")) up_bytes += timeline.links[i].bytes;
    }
    REQUIRE(up_bytes == Approx(42e6));
  }
  REQUIRE(simulate(schedule, 1, cluster, free_compute(), {.fidelity = Fidelity::formula}).links.empty());
}

TEST_CASE("a folded ring moves as many bytes over each link as its steps do") {
  const Schedule ring = collective_schedule(8, 8'000);
  for (const Fidelity fidelity : {Fidelity::steps, Fidelity::flows}) {
    const Timeline timeline = simulate(ring, 1, switch_cluster(4, 2), free_compute(), {.fidelity = fidelity});
    for (const LinkTraffic& link : timeline.links) REQUIRE(link.bytes == Approx(2.0 * 7 * 4'000));
    REQUIRE(timeline.links.size() == 16);  // of the first 16: out of and into 8 devices, out of and into 4 nodes
  }
}

TEST_CASE("what shares a link is found without simulating") {
  const Cluster cluster = switch_cluster(2, 4);
  const auto shared = [&](const std::string& algorithm, int ranks) {
    return find_shared_link(collective_schedule(ranks, 8'000, CollectiveKind::all_reduce, algorithm), cluster);
  };
  REQUIRE_FALSE(shared("ring", 8).has_value());
  REQUIRE_FALSE(shared("halving_doubling", 4).has_value());  // inside a node
  const std::optional<SharedLink> nic = shared("halving_doubling", 8);
  REQUIRE(nic.has_value());
  REQUIRE(nic->flows == 4);
  REQUIRE(nic->op == "collective");
  REQUIRE(nic->link.find("nic0") != std::string::npos);
  const std::optional<SharedLink> sink = find_shared_link(flows_schedule(4, {{0, 2, 8}, {1, 2, 8}}), switch_cluster(4, 1));
  REQUIRE_FALSE(sink.has_value());  // of different ops: not looked for
}
