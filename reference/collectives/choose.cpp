#include "reference/collectives/choose.h"

#include <algorithm>
#include <iomanip>
#include <limits>
#include <optional>
#include <sstream>
#include <utility>

#include "reference/core/error.h"

namespace convoy {
namespace {

/// Rounds of all ranks and channels that are looked at one by one; of more, some at either end and some between them.
constexpr std::int64_t kMostRounds = 1 << 18;

/// Windows of rounds at either end, and between them, that are looked at of a way that has too many.
std::int64_t looked_at(std::int64_t rounds_of_window) {
  return std::clamp<std::int64_t>(kMostRounds / 6 / rounds_of_window, 4, 64);
}

/// The links of all ranks and what goes through each in one round.
class Links {
 public:
  Links(int ranks, const GroupTopology& topology)
      : topology_(topology),
        in_node_(topology.ranks_per_node > 0 ? topology.ranks_per_node : ranks),
        nics_(std::max(1, topology.nics_per_node)),
        out_(static_cast<std::size_t>(ranks)),
        in_(out_),
        nic_out_(static_cast<std::size_t>((ranks + in_node_ - 1) / in_node_ * nics_)),
        nic_in_(nic_out_) {}

  void add(int round, int from, int to, double bytes) {
    messages_.push_back({round, from, to});
    out_[static_cast<std::size_t>(from)] += bytes;
    in_[static_cast<std::size_t>(to)] += bytes;
    if (is_local(from, to)) return;
    nic_out_[nic_of(from)] += bytes;
    nic_in_[nic_of(to)] += bytes;
  }

  /// When the last of the messages has moved; forgets them. `rounds_apart`: they are of several rounds, whose latencies follow
  /// each other; with one round a message waits for no other's latency.
  double finish_s(bool rounds_apart) {
    double longest_s = 0, latencies_s = 0, latency_s = 0;
    for (const Message& m : messages_) longest_s = std::max(longest_s, (rounds_apart ? 0 : latency_of(m)) + moving_s(m));
    for (std::size_t i = 0; rounds_apart && i < messages_.size(); ++i) {
      latency_s = std::max(latency_s, latency_of(messages_[i]));
      const bool last_of_round = i + 1 == messages_.size() || messages_[i + 1].round != messages_[i].round;
      if (last_of_round) latencies_s += std::exchange(latency_s, 0);
    }
    for (const Message& m : messages_) {
      out_[static_cast<std::size_t>(m.from)] = in_[static_cast<std::size_t>(m.to)] = 0;
      nic_out_[nic_of(m.from)] = nic_in_[nic_of(m.to)] = 0;
    }
    messages_.clear();
    return latencies_s + longest_s;
  }

 private:
  struct Message {
    int round, from, to;
  };
  [[nodiscard]] bool is_local(int from, int to) const { return from / in_node_ == to / in_node_; }
  [[nodiscard]] std::size_t nic_of(int rank) const {
    return static_cast<std::size_t>(rank / in_node_ * nics_ + rank % in_node_ * nics_ / in_node_);
  }
  [[nodiscard]] double latency_of(const Message& m) const {
    return is_local(m.from, m.to) ? topology_.in_node.latency_s : topology_.between_nodes.latency_s;
  }
  /// Until the busiest of its links has moved everything.
  [[nodiscard]] double moving_s(const Message& m) const {
    double longest_s = 0;
    if (in_node_ > 1)  // a node of one rank has no link but its NICs
      longest_s = std::max(out_[static_cast<std::size_t>(m.from)], in_[static_cast<std::size_t>(m.to)]) /
                  topology_.in_node.bandwidth_bytes_per_s;
    if (is_local(m.from, m.to)) return longest_s;
    return std::max(longest_s,
                    std::max(nic_out_[nic_of(m.from)], nic_in_[nic_of(m.to)]) / topology_.between_nodes.bandwidth_bytes_per_s);
  }

  const GroupTopology& topology_;
  int in_node_, nics_;
  std::vector<double> out_, in_;          ///< bytes, by rank
  std::vector<double> nic_out_, nic_in_;  ///< by node and NIC
  std::vector<Message> messages_;
};

/// Seconds of `window` rounds from round i on, of all channels of all ranks.
double rounds_s(const std::vector<Rounds>& rounds, int channels, std::int64_t i, int window, double element_bytes, Links& links) {
  for (int w = 0; w < window; ++w)
    for (std::size_t k = 0; k < rounds.size(); ++k) {
      if (i + w >= rounds[k].count) continue;
      const Round round = rounds[k].at(i + w);
      if (round.send)
        links.add(w, static_cast<int>(k) / channels, round.send->peer,
                  static_cast<double>(round.send->slice.count) * element_bytes);
    }
  return links.finish_s(window > 1);
}

CollectiveRequest with(const CollectiveRequest& request, const CollectiveCandidate& candidate, const GroupTopology& topology) {
  CollectiveRequest asked = request;
  asked.chunks = candidate.chunks;
  asked.channels = candidate.channels;
  asked.channel = 0;
  asked.ranks_per_node = topology.ranks_per_node;
  return asked;
}

/// The ways of one algorithm that are tried.
std::vector<CollectiveCandidate> ways_of(const CollectiveAlgorithm& row, const CollectiveRequest& request,
                                         const GroupTopology& topology) {
  std::vector<int> channels = {1};
  if (row.usual_channels > 1) channels.push_back(row.usual_channels);
  const bool several_nodes = topology.ranks_per_node > 0 && topology.ranks_per_node < request.world_size;
  if (several_nodes && topology.nics_per_node > row.usual_channels) channels.push_back(topology.nics_per_node);
  std::vector<CollectiveCandidate> ways;
  for (const int c : channels)
    for (const int chunks : {1, 4, 16, 64}) {
      if (chunks > 1 && (!row.is_pipelined || std::int64_t{chunks} * c > request.count)) break;
      const CollectiveCandidate way{.algorithm = row.name, .channels = c, .chunks = chunks};
      if (why_not(row, with(request, way, topology)).empty()) ways.push_back(way);
    }
  return ways;
}

std::string in_words(const CollectiveCandidate& candidate) {
  std::ostringstream text;
  text << candidate.algorithm;
  if (candidate.channels > 1) text << ", " << candidate.channels << " channels";
  if (candidate.chunks > 1) text << ", " << candidate.chunks << " chunks";
  text << (candidate.at_least ? " at least " : " ") << std::setprecision(4) << candidate.time_s * 1e6 << " us";
  return text.str();
}

/// What no way can be faster than: in every round somebody waits for a latency.
double least_time_s(const CollectiveAlgorithm& row, const CollectiveRequest& request, const GroupTopology& topology) {
  const bool one_node = topology.ranks_per_node <= 0 || topology.ranks_per_node >= request.world_size;
  const double between_s = topology.between_nodes.latency_s, in_node_s = topology.in_node.latency_s;
  const double latency_s = one_node ? in_node_s : topology.ranks_per_node == 1 ? between_s : std::min(in_node_s, between_s);
  return static_cast<double>(row.round_count(request)) * latency_s;
}

/// The fastest way of an algorithm; nothing when it can do none. Where it takes long to work them out, ways are left out that cannot be
/// faster than `best_s`; when that are all, the one that may be fastest is returned with what it takes at least.
std::optional<CollectiveCandidate> fastest_way(const CollectiveAlgorithm& row, const CollectiveRequest& request, double element_bytes,
                                               const GroupTopology& topology, double best_s) {
  std::optional<CollectiveCandidate> fastest;
  for (CollectiveCandidate way : ways_of(row, request, topology)) {
    const CollectiveRequest asked = with(request, way, topology);
    const double least_s = least_time_s(row, asked, topology);
    const double rounds = static_cast<double>(row.round_count(asked)) * asked.world_size * asked.channels;
    way.at_least = rounds > kMostRounds / 4 && least_s > best_s;
    way.time_s = way.at_least ? least_s : estimated_time_s(row, asked, element_bytes, topology);
    if (!way.at_least) best_s = std::min(best_s, way.time_s);
    const bool faster = !fastest || (fastest->at_least && !way.at_least) || (fastest->at_least == way.at_least && way.time_s < fastest->time_s);
    if (faster) fastest = way;
  }
  return fastest;
}

}  // namespace

double estimated_time_s(const CollectiveAlgorithm& algorithm, const CollectiveRequest& request, double element_bytes,
                        const GroupTopology& topology) {
  std::vector<Rounds> rounds;  // by rank and channel
  CollectiveRequest each = request;
  std::int64_t count = 0;
  for (each.rank = 0; each.rank < request.world_size; ++each.rank)
    for (each.channel = 0; each.channel < request.channels; ++each.channel) {
      rounds.push_back(algorithm.rounds(each));
      count = std::max(count, rounds.back().count);
    }
  Links links(request.world_size, topology);
  double time_s = 0;
  const int window = algorithm.is_pipelined ? 4 : 1;
  const std::int64_t windows = (count + window - 1) / window;
  const auto look_at = [&](std::int64_t i) {
    return rounds_s(rounds, request.channels, i * window, window, element_bytes, links);
  };
  const std::int64_t of_window = static_cast<std::int64_t>(rounds.size()) * window;
  const std::int64_t looked = looked_at(of_window);
  if (windows <= 3 * looked || windows * of_window <= kMostRounds) {
    for (std::int64_t i = 0; i < windows; ++i) time_s += look_at(i);
    return time_s;
  }
  double between_s = 0;
  const std::int64_t between = windows - 2 * looked;
  for (std::int64_t k = 0; k < looked; ++k) {
    time_s += look_at(k) + look_at(windows - 1 - k);
    between_s += look_at(looked + between * k / looked);
  }
  return time_s + between_s * static_cast<double>(between) / static_cast<double>(looked);
}

CollectiveChoice choose_algorithm(CollectiveKind kind, const CollectiveRequest& request, double element_bytes,
                                  const GroupTopology& topology) {
  std::vector<const CollectiveAlgorithm*> rows;  // with the fewest rounds first, which are worked out fastest
  for (const CollectiveAlgorithm& row : collective_algorithms())
    if (row.kind == kind && why_not(row, with(request, {}, topology)).empty()) rows.push_back(&row);
  std::ranges::stable_sort(rows, {}, [&](const CollectiveAlgorithm* row) { return row->round_count(with(request, {}, topology)); });
  std::vector<CollectiveCandidate> fastest;  // of each algorithm
  double best_s = std::numeric_limits<double>::infinity();
  for (const CollectiveAlgorithm* row : rows) {
    const std::optional<CollectiveCandidate> way = fastest_way(*row, request, element_bytes, topology, best_s);
    if (!way) continue;
    if (!way->at_least) best_s = std::min(best_s, way->time_s);
    fastest.push_back(*way);
  }
  require(!fastest.empty(), "choose_algorithm", "no algorithm of ", to_string(kind), " can do it for ", request.count,
          " elements on ", request.world_size, " ranks");
  const auto place_in_table = [&](const CollectiveCandidate& way) { return &collective_algorithm(kind, way.algorithm); };
  std::ranges::sort(fastest, {}, place_in_table);
  std::ranges::stable_sort(fastest, {}, &CollectiveCandidate::time_s);
  CollectiveChoice choice{.best = fastest.front(), .others = {fastest.begin() + 1, fastest.end()}, .why = {}};
  choice.why = cat(in_words(choice.best), " by latency and bandwidth");
  for (std::size_t i = 0; i < choice.others.size(); ++i)
    choice.why += cat(i == 0 ? ", against " : "; ", in_words(choice.others[i]));
  return choice;
}

}  // namespace convoy
