#include "reference/plans/pipeline_traffic.h"

#include <algorithm>

#include "reference/core/error.h"

namespace convoy {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

class TrafficBuilder {
 public:
  TrafficBuilder(const PipelineTable& table, const PipelineShape& shape, const std::vector<PipelineEdge>& edges)
      : table_(table), shape_(shape), edges_(edges) {
    for (std::size_t rank = 0; rank < table.size(); ++rank)
      for (std::size_t place = 0; place < table[rank].size(); ++place) {
        const PipelineAction& action = table[rank][place];
        places_[{action.backward, action.stage, action.micro_batch}] = static_cast<int>(place);
      }
  }

  PipelineTraffic build() {
    for (std::size_t rank = 0; rank < table_.size(); ++rank)
      for (std::size_t place = 0; place < table_[rank].size(); ++place) send_behind(static_cast<int>(rank), static_cast<int>(place));
    fill_known();
    return std::move(traffic_);
  }

 private:
  /// What leaves behind one entry of a row, what is used first before what is used later.
  void send_behind(int rank, int place) {
    const PipelineAction& action = table_[index(rank)][index(place)];
    for (std::size_t e = 0; e < edges_.size(); ++e) {
      const PipelineEdge& edge = edges_[e];
      if (action.stage != (action.backward ? edge.to : edge.from) || (action.backward && !edge.goes_back)) continue;
      const int stage = action.backward ? edge.from : edge.to;
      const int to = shape_.rank_of(stage);
      const int to_place = places_.at({action.backward, stage, action.micro_batch});
      std::vector<PipelineMessage>& lane = traffic_.lanes[{rank, to, action.backward}];
      auto at = lane.end();
      while (at != lane.begin() && std::prev(at)->from_place == place && std::prev(at)->to_place > to_place) --at;
      lane.insert(at, {static_cast<int>(e), action.backward, action.micro_batch, place, to_place});
      arriving_[{to, to_place}].emplace_back(rank, place);
    }
  }

  /// Goes through all rows as far as what arrives allows.
  void fill_known() {
    traffic_.known.resize(table_.size());
    for (bool moved = true; moved;) {
      moved = false;
      for (int rank = 0; rank < shape_.ranks; ++rank)
        while (std::size(traffic_.known[index(rank)]) < table_[index(rank)].size() && fill_next(rank)) moved = true;
    }
    for (std::size_t rank = 0; rank < table_.size(); ++rank)
      require(traffic_.known[rank].size() == table_[rank].size(), "traffic_of", "rank ", rank, " waits for ever; check_table() first");
  }

  bool fill_next(int rank) {
    std::vector<std::vector<int>>& mine = traffic_.known[index(rank)];
    const auto place = static_cast<int>(mine.size());
    std::vector<int> clock = mine.empty() ? std::vector<int>(table_.size(), 0) : mine.back();
    clock[index(rank)] = place;
    const auto arriving = arriving_.find({rank, place});
    if (arriving != arriving_.end())
      for (const auto& [from, from_place] : arriving->second) {
        if (std::ssize(traffic_.known[index(from)]) <= from_place) return false;
        const std::vector<int>& theirs = traffic_.known[index(from)][index(from_place)];
        for (std::size_t r = 0; r < clock.size(); ++r) clock[r] = std::max(clock[r], theirs[r]);
        clock[index(from)] = std::max(clock[index(from)], from_place + 1);
      }
    mine.push_back(std::move(clock));
    return true;
  }

  const PipelineTable& table_;
  const PipelineShape& shape_;
  const std::vector<PipelineEdge>& edges_;
  std::map<std::tuple<bool, int, int>, int> places_;                    ///< backward, stage, micro-batch -> place in its row
  std::map<std::pair<int, int>, std::vector<std::pair<int, int>>> arriving_;  ///< rank, place -> ranks and places it hears from
  PipelineTraffic traffic_;
};

}  // namespace

PipelineTraffic traffic_of(const PipelineTable& table, const PipelineShape& shape, const std::vector<PipelineEdge>& edges) {
  return TrafficBuilder(table, shape, edges).build();
}

}  // namespace convoy
