#include "simulator/engine/run.h"

#include <cmath>
#include <numeric>

#include "reference/core/error.h"

namespace convoy {
namespace {

constexpr std::size_t kBusiestLinks = 16;  ///< that a timeline lists

std::vector<int> devices_in_order(int ranks) {
  std::vector<int> devices(static_cast<std::size_t>(ranks));
  std::iota(devices.begin(), devices.end(), 0);
  return devices;
}

}  // namespace

std::size_t Run::HashTag::operator()(const Tag& tag) const {
  std::uint64_t h = (tag.ranks ^ 0x9e3779b97f4a7c15U) * 0xbf58476d1ce4e5b9U;
  h = (h ^ (h >> 29U) ^ tag.what) * 0x94d049bb133111ebU;
  return static_cast<std::size_t>(h ^ (h >> 32U));
}

Run::Run(const Schedule& schedule, int iterations, const Cluster& cluster, const CostModel& cost, const RunSettings& settings)
    : schedule_(schedule),
      iterations_(iterations),
      cost_(cost),
      settings_(settings),
      machine_(cluster, settings.placement.empty() ? devices_in_order(schedule.world_size()) : settings.placement,
               settings.fidelity == Fidelity::formula ? Sharing::none : settings.sharing,
               {.worked = [this](std::uint32_t token) { worked(token); },
                .arrived = [this](std::uint32_t message) { arrived(message); }}) {
  if (settings.communication_share > 0) machine_.let_communication_take(settings.communication_share);
  for (const Program& program : schedule.programs) {
    facts_.push_back(facts_of(schedule, program, cost));
    for (const CostModel& other : settings.other_costs) facts_.push_back(facts_of(schedule, program, other));
  }
  if (settings.by_class) {
    std::vector<bool> seen(facts_.size(), false);
    for (int rank = 0; rank < schedule.world_size(); ++rank)
      if (const std::size_t facts = facts_index(rank); !seen[facts]) {
        seen[facts] = true;
        add_agent(rank);
      }
  } else {
    for (int rank = 0; rank < schedule.world_size(); ++rank) add_agent(rank);
  }
}

std::size_t Run::kind_of(int rank) const {
  const Cluster& cluster = machine_.cluster();
  int node = machine_.node(rank) - cluster.nodes;
  std::size_t kind = 0;
  while (node >= 0) node -= cluster.others.at(kind++).nodes;
  return kind;
}

const CostModel& Run::cost_of(int rank) const {
  if (machine_.is_host(rank)) return settings_.host_costs.empty() ? cost_ : settings_.host_costs[kind_of(rank)];
  const std::size_t kind = settings_.other_costs.empty() ? 0 : kind_of(rank);
  return kind == 0 ? cost_ : settings_.other_costs[kind - 1];
}

std::size_t Run::facts_index(int rank) const {
  const auto rank_class = static_cast<std::size_t>(schedule_.class_of[static_cast<std::size_t>(rank)]);
  const bool alike = settings_.other_costs.empty() || machine_.is_host(rank);
  return rank_class * (1 + settings_.other_costs.size()) + (alike ? 0 : kind_of(rank));
}

void Run::add_agent(int rank) {
  const auto rank_class = static_cast<std::size_t>(schedule_.class_of[static_cast<std::size_t>(rank)]);
  Agent agent{.rank = rank,
              .program = &schedule_.programs[rank_class],
              .facts = &facts_[facts_index(rank)],
              .first_cursor = static_cast<std::uint32_t>(cursors_.size()),
              .first_interval = intervals_.size(),
              .first_count = ended_.size()};
  const std::size_t ops = agent.program->ops.size();
  for (const std::vector<int>& stream : agent.facts->streams) {
    Cursor cursor;
    cursor.agent = static_cast<std::uint32_t>(agents_.size());
    cursor.ops = &stream;
    cursor.leader = static_cast<std::uint32_t>(cursors_.size());
    cursors_.push_back(std::move(cursor));
  }
  agent.helpers = most_channels(*agent.facts) - 1;
  for (std::uint32_t stream = 0; stream < agent.facts->streams.size(); ++stream)
    for (int channel = 1; channel <= agent.helpers; ++channel) {
      Cursor helper = cursors_[agent.first_cursor + stream];
      helper.state = State::at_rest;
      helper.channel = channel;
      cursors_.push_back(std::move(helper));
    }
  ended_.resize(ended_.size() + ops, 0);
  for (int iteration = 0; iteration < iterations_; ++iteration)
    for (std::size_t op = 0; op < ops; ++op) intervals_.push_back({rank, iteration, static_cast<int>(op), NAN, NAN});
  agents_.push_back(agent);
}

Timeline Run::run() {
  for (std::uint32_t id = 0; id < cursors_.size(); ++id)
    if (cursors_[id].state == State::between_ops) ready_.push_back(id);
  advance_all();
  machine_.run();
  for (const Interval& interval : intervals_)
    if (!(interval.end_s >= interval.start_s))
      throw std::runtime_error(cat("the simulation stopped before op ", interval.op, " of rank ", interval.rank));
  Timeline timeline{.clock = settings_.fidelity == Fidelity::formula ? "formula" : "simulated",
                    .intervals = std::move(intervals_),
                    .fidelity = std::string(to_string(settings_.fidelity)),
                    .representatives = {},
                    .links = machine_.busiest(kBusiestLinks)};
  for (const auto& [cursor, server] : servers_)
    timeline.pushes.insert(timeline.pushes.end(), server.policy.log().begin(), server.policy.log().end());
  if (settings_.by_class) {
    std::vector<int> ranks(facts_.size(), 0);
    for (int rank = 0; rank < schedule_.world_size(); ++rank) ++ranks[facts_index(rank)];
    for (const Agent& agent : agents_) timeline.representatives.push_back({agent.rank, ranks[facts_index(agent.rank)]});
  }
  return timeline;
}

}  // namespace convoy
