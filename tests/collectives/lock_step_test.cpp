// Stretches against the rounds that they stand for.
#include "reference/collectives/lock_step.h"

#include <algorithm>
#include <map>

#include "tests/catch.h"

using namespace convoy;

TEST_CASE("a stretch says what the rounds say") {
  for (const CollectiveKind kind : {CollectiveKind::all_reduce, CollectiveKind::reduce_scatter, CollectiveKind::all_gather})
    for (const int ranks : {2, 3, 5, 8})
      for (const int chunks : {1, 2, 3})
        for (const std::int64_t count : {1, 7, 29, 240})
          for (const bool uneven : {false, true}) {
            CAPTURE(static_cast<int>(kind), ranks, chunks, count, uneven);
            CollectiveRequest request{.world_size = ranks, .count = count, .chunks = chunks};
            if (uneven) {  // the second shard has all
              request.bounds.assign(static_cast<std::size_t>(ranks) + 1, count);
              request.bounds[0] = request.bounds[1] = 0;
            }
            const std::vector<Stretch> stretches = lock_steps(kind, "ring", request);
            REQUIRE(stretches.size() == 1);
            const Stretch& stretch = stretches[0];
            std::vector<std::int64_t> largest(static_cast<std::size_t>(stretch.rounds), 0);
            for (request.rank = 0; request.rank < ranks; ++request.rank) {
              const Rounds rounds = collective_algorithm(kind, "ring").rounds(request);
              REQUIRE(rounds.count == stretch.rounds);
              std::int64_t adds = 0;
              for (std::int64_t i = 0; i < rounds.count; ++i) {
                const Round round = rounds.at(i);
                adds += round.on_receive == OnReceive::add ? 1 : 0;
                if (!round.send) continue;
                REQUIRE(round.send->peer == stretch.next(request.rank));
                std::int64_t& most = largest[static_cast<std::size_t>(i)];
                most = std::max(most, round.send->slice.count);
              }
              REQUIRE(adds == stretch.adds);
            }
            std::int64_t elements = 0;
            for (const std::int64_t most : largest) elements += most;
            REQUIRE(elements == stretch.elements);
          }
}

namespace {

/// By the rank to whom every rank sends (-1: to nobody): rounds, rounds that add, and the sum of the largest pieces.
struct Totals {
  std::int64_t rounds = 0, adds = 0, elements = 0;
  friend bool operator==(const Totals&, const Totals&) = default;
};
using TotalsOfNeighbours = std::map<std::vector<int>, Totals>;

TotalsOfNeighbours totals_of_rounds(const CollectiveAlgorithm& algorithm, CollectiveRequest request) {
  std::vector<Rounds> rounds;
  for (request.rank = 0; request.rank < request.world_size; ++request.rank) rounds.push_back(algorithm.rounds(request));
  TotalsOfNeighbours totals;
  for (std::int64_t i = 0; i < rounds[0].count; ++i) {
    std::vector<int> peers;
    std::int64_t largest = 0;
    bool adds = false;
    for (const Rounds& of_rank : rounds) {
      const Round round = of_rank.at(i);
      peers.push_back(round.send ? round.send->peer : -1);
      largest = std::max(largest, round.send ? round.send->slice.count : 0);
      adds = round.on_receive == OnReceive::add;
    }
    Totals& sum = totals[peers];
    ++sum.rounds;
    sum.adds += adds ? 1 : 0;
    sum.elements += largest;
  }
  return totals;
}

}  // namespace

TEST_CASE("the stretches of every algorithm that has any are its rounds") {
  int compared = 0;
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (const int ranks : {2, 3, 4, 6, 8, 12})
      for (const int chunks : {1, 3})
        for (const int channels : {1, 4})
          for (const int ranks_per_node : {0, 2, 3}) {
            CollectiveRequest request{.world_size = ranks, .count = 12 * 5 * 4 * 3 * 7 + 4 * 3 * 12, .chunks = chunks,
                                      .channels = channels, .ranks_per_node = ranks_per_node};
            if (!why_not(algorithm, request).empty()) continue;
            for (; request.channel < channels; ++request.channel) {
              const std::vector<Stretch> stretches = lock_steps(algorithm.kind, algorithm.name, request);
              if (stretches.empty()) continue;
              CAPTURE(to_string(algorithm.kind), algorithm.name, ranks, chunks, channels, request.channel, ranks_per_node);
              TotalsOfNeighbours totals;
              for (const Stretch& stretch : stretches) {
                std::vector<int> peers;
                for (int rank = 0; rank < ranks; ++rank) peers.push_back(stretch.next(rank));
                Totals& sum = totals[peers];
                sum.rounds += stretch.rounds;
                sum.adds += stretch.adds;
                sum.elements += stretch.elements;
              }
              REQUIRE(totals == totals_of_rounds(algorithm, request));
              ++compared;
            }
          }
  REQUIRE(compared > 300);
}

TEST_CASE("ranks of a stretch lie on rings") {
  const Stretch stretch{.size = 3, .stride = 2};
  const int next[6] = {2, 3, 4, 5, 0, 1};
  for (int rank = 0; rank < 6; ++rank) {
    REQUIRE(stretch.next(rank) == next[rank]);
    REQUIRE(stretch.first(rank) == rank % 2);
    REQUIRE(stretch.place(rank) == rank / 2);
  }
  const Stretch back{.size = 3, .stride = 2, .reversed = true};
  for (int rank = 0; rank < 6; ++rank) REQUIRE(back.next(next[rank]) == rank);
  REQUIRE(lock_steps(CollectiveKind::broadcast, "binomial", {.world_size = 4, .count = 8}).empty());
  REQUIRE(lock_steps(CollectiveKind::all_reduce, "ring", {.world_size = 1, .count = 8}).empty());
  REQUIRE(lock_steps(CollectiveKind::all_reduce, "ring", {.world_size = 4, .count = 0}).empty());
}

TEST_CASE("every channel of a ring has a stretch of its own, in its order") {
  for (const int ranks : {2, 5, 8})
    for (const int ranks_per_node : {0, 4})
      for (const int channels : {2, 3}) {
        CollectiveRequest request{.world_size = ranks, .count = 241, .channels = channels, .ranks_per_node = ranks_per_node};
        for (; request.channel < channels; ++request.channel) {
          CAPTURE(ranks, ranks_per_node, channels, request.channel);
          const Stretch stretch = lock_steps(CollectiveKind::all_reduce, "ring", request).at(0);
          std::vector<std::int64_t> largest(static_cast<std::size_t>(stretch.rounds), 0);
          for (request.rank = 0; request.rank < ranks; ++request.rank) {
            REQUIRE(stretch.first(request.rank) == stretch.first(0));
            const Rounds rounds = collective_algorithm(CollectiveKind::all_reduce, "ring").rounds(request);
            for (std::int64_t i = 0; i < rounds.count; ++i)
              if (const Round round = rounds.at(i); round.send) {
                REQUIRE(round.send->peer == stretch.next(request.rank));
                largest[static_cast<std::size_t>(i)] = std::max(largest[static_cast<std::size_t>(i)], round.send->slice.count);
              }
          }
          request.rank = 0;
          std::int64_t elements = 0;
          for (const std::int64_t most : largest) elements += most;
          REQUIRE(elements == stretch.elements);
        }
      }
}
