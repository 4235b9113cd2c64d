#include "simulator/engine/sharing.h"

#include <set>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace convoy {
namespace {

/// Counts the messages over each link, and keeps the most that were counted.
class Counter {
 public:
  explicit Counter(const Cluster& cluster) : network_(cluster) {}

  void add(int from, int to) {
    network_.route(from, to, links_);
    for (const int link : links_) ++flows_[link];
  }
  /// The messages so far were those of one moment.
  void moment(const std::string& op) {
    for (const auto& [link, flows] : flows_)
      if (flows > 1 && (!most_ || flows > most_->flows)) most_ = {op, network_.link_name(link), flows};
    flows_.clear();
  }
  [[nodiscard]] const std::optional<SharedLink>& most() const { return most_; }

 private:
  Network network_;
  std::vector<int> links_;
  std::unordered_map<int, int> flows_;
  std::optional<SharedLink> most_;
};

/// One round of a collective, on all channels of all ranks of all its groups.
void add_round(const Schedule& schedule, const Collective& collective, bool middle, Counter& counter) {
  const CollectiveAlgorithm& algorithm = collective_algorithm(collective.kind, collective.algorithm);
  for (int rank = 0; rank < schedule.world_size(); ++rank) {
    CollectiveRequest request = request_of(schedule, rank, collective);
    for (request.channel = 0; request.channel < request.channels; ++request.channel) {
      const Rounds rounds = algorithm.rounds(request);
      if (rounds.count == 0) continue;
      const Round round = rounds.at(middle ? rounds.count / 2 : 0);
      if (round.send && round.send->slice.count > 0)
        counter.add(rank, schedule.mesh.neighbour(rank, collective.axis, round.send->peer - request.rank));
    }
  }
}

}  // namespace

std::optional<SharedLink> find_shared_link(const Schedule& schedule, const Cluster& cluster) {
  Counter counter(cluster);
  std::set<std::tuple<CollectiveKind, std::string, int, int>> seen;
  for (std::size_t c = 0; c < schedule.programs.size(); ++c) {
    const Program& program = schedule.programs[c];
    for (const Op& op : program.ops) {
      if (const auto* collective = std::get_if<Collective>(&op.action)) {
        if (collective->region.slice.count == 0) continue;
        if (!seen.emplace(collective->kind, collective->algorithm, collective->axis, collective->channels).second) continue;
        for (const bool middle : {false, true}) {
          add_round(schedule, *collective, middle, counter);
          counter.moment(op.name);
        }
      } else if (const auto* exchange = std::get_if<Exchange>(&op.action); exchange != nullptr && exchange->send) {
        for (int rank = 0; rank < schedule.world_size(); ++rank)
          if (schedule.class_of[static_cast<std::size_t>(rank)] == static_cast<int>(c))
            counter.add(rank, schedule.mesh.neighbour(rank, exchange->send->peer.axis, exchange->send->peer.offset));
        counter.moment(op.name);
      }
    }
  }
  return counter.most();
}

}  // namespace convoy
