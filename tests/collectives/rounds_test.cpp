/// Every collective algorithm by its rounds alone: both halves of every transfer stand in the same round, the result is exact on
/// integers, and rounds and elements sent equal the closed forms of the algorithm's row.
#include <algorithm>
#include <map>
#include <vector>

#include "reference/collectives/collective.h"
#include "reference/core/error.h"
#include "reference/core/random.h"
#include "tests/catch.h"

using namespace convoy;

namespace {

/// Runs all ranks round by round in one thread: sends first, then receives.
std::vector<std::vector<double>> run(const CollectiveAlgorithm& algorithm, CollectiveRequest request,
                                     std::vector<std::vector<double>> buffers) {
  std::vector<Rounds> rounds;
  for (int r = 0; r < request.world_size; ++r) {
    request.rank = r;
    rounds.push_back(algorithm.rounds(request));
  }
  for (std::int64_t i = 0; i < rounds[0].count; ++i) {
    std::map<std::pair<int, int>, std::vector<double>> under_way;
    for (int r = 0; r < request.world_size; ++r) {
      const Round round = rounds[static_cast<std::size_t>(r)].at(i);
      if (!round.send) continue;
      const std::vector<double>& mine = buffers[static_cast<std::size_t>(r)];
      const Slice slice = round.send->slice;
      REQUIRE(slice.count > 0);
      under_way[{r, round.send->peer}].assign(mine.begin() + slice.offset, mine.begin() + slice.end());
    }
    for (int r = 0; r < request.world_size; ++r) {
      const Round round = rounds[static_cast<std::size_t>(r)].at(i);
      if (!round.recv) continue;
      const auto message = under_way.find({round.recv->peer, r});
      REQUIRE(message != under_way.end());
      REQUIRE(static_cast<std::int64_t>(message->second.size()) == round.recv->slice.count);
      for (std::int64_t e = 0; e < round.recv->slice.count; ++e) {
        double& to = buffers[static_cast<std::size_t>(r)][static_cast<std::size_t>(round.recv->slice.offset + e)];
        const double value = message->second[static_cast<std::size_t>(e)];
        to = round.on_receive == OnReceive::add ? to + value : value;
      }
      under_way.erase(message);
    }
    REQUIRE(under_way.empty());
  }
  return buffers;
}

/// Rank r's element i: different for every rank and index, and every partial sum is exact.
double value_of(int rank, std::int64_t i) { return static_cast<double>((rank + 1) * 1000 + i); }

double expected(const CollectiveRequest& request, CollectiveKind kind, std::int64_t i) {
  if (kind == CollectiveKind::broadcast) return value_of(request.root, i);
  if (kind == CollectiveKind::all_gather) {
    int owner = 0;
    while (part_of(request, owner).end() <= i) ++owner;
    return value_of(owner, i);
  }
  double sum = 0;
  for (int r = 0; r < request.world_size; ++r) sum += value_of(r, i);
  return sum;
}

/// The elements of which rank r has the final value when the collective ends.
Slice final_part(const CollectiveRequest& request, CollectiveKind kind, int r) {
  if (kind == CollectiveKind::reduce_scatter) return part_of(request, r);
  if (kind == CollectiveKind::reduce && r != request.root) return {0, 0};
  return {0, request.count};
}

void check(const CollectiveAlgorithm& algorithm, CollectiveRequest request) {
  CAPTURE(to_string(algorithm.kind), algorithm.name, request.world_size, request.root, request.count, request.chunks,
          request.bounds);
  std::vector<std::vector<double>> buffers(static_cast<std::size_t>(request.world_size),
                                           std::vector<double>(static_cast<std::size_t>(request.count)));
  for (int r = 0; r < request.world_size; ++r)
    for (std::int64_t i = 0; i < request.count; ++i)
      buffers[static_cast<std::size_t>(r)][static_cast<std::size_t>(i)] = value_of(r, i);
  const auto result = run(algorithm, request, buffers);
  for (int r = 0; r < request.world_size; ++r) {
    request.rank = r;
    const Slice range = final_part(request, algorithm.kind, r);
    bool right = true;
    for (std::int64_t i = range.offset; i < range.end(); ++i)
      right = right && result[static_cast<std::size_t>(r)][static_cast<std::size_t>(i)] == expected(request, algorithm.kind, i);
    REQUIRE(right);
    const Rounds rounds = algorithm.rounds(request);
    std::int64_t sent = 0;
    for (std::int64_t i = 0; i < rounds.count; ++i)
      if (const Round round = rounds.at(i); round.send) sent += round.send->slice.count;
    REQUIRE(rounds.count == algorithm.round_count(request));
    REQUIRE(sent == algorithm.elements_sent(request));
  }
}

/// world_size + 1 places from 0 to count that do not fall: some shards are empty, one may be all.
std::vector<std::int64_t> random_bounds(Random& random, int n, std::int64_t count) {
  std::vector<std::int64_t> bounds = {0, count};
  for (int k = 1; k < n; ++k) bounds.push_back(random.below(count + 1));
  std::sort(bounds.begin(), bounds.end());
  return bounds;
}

}  // namespace

TEST_CASE("every algorithm is exact and sends what its formula says") {
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (int n = 1; n <= 17; ++n)
      for (std::int64_t count = 0; count <= 40; ++count)
        for (const int chunks : {1, 3})
          check(algorithm, {.rank = 0, .world_size = n, .root = n / 3, .count = count, .chunks = chunks});
}

TEST_CASE("every algorithm is exact with shards of any size") {
  Random random(31);
  for (const CollectiveAlgorithm& algorithm : collective_algorithms())
    for (int n = 1; n <= 9; ++n)
      for (std::int64_t count = 0; count <= 40; count += 1 + count / 8)
        for (const int chunks : {1, 2, 5})
          check(algorithm, {.rank = 0,
                            .world_size = n,
                            .root = n - 1,
                            .count = count,
                            .chunks = chunks,
                            .bounds = random_bounds(random, n, count)});
}

TEST_CASE("reduce ends with the sum at the root alone, whichever rank that is") {
  const CollectiveAlgorithm& reduce = collective_algorithm(CollectiveKind::reduce, "binomial");
  for (int n = 2; n <= 9; ++n)
    for (int root = 0; root < n; ++root) {
      CollectiveRequest request{.rank = 0, .world_size = n, .root = root, .count = 5, .chunks = 2};
      check(reduce, request);
      std::int64_t sent = 0;
      for (request.rank = 0; request.rank < n; ++request.rank) sent += reduce.elements_sent(request);
      REQUIRE(sent == 5 * (n - 1));
    }
}

TEST_CASE("shards with bounds are where the bounds say, even ones without") {
  const CollectiveRequest uneven{.rank = 0, .world_size = 3, .root = 0, .count = 10, .chunks = 1, .bounds = {0, 7, 7, 10}};
  REQUIRE(part_of(uneven, 0) == Slice{0, 7});
  REQUIRE(part_of(uneven, 1) == Slice{7, 0});
  REQUIRE(part_of(uneven, 2) == Slice{7, 3});
  const CollectiveAlgorithm& scatter = collective_algorithm(CollectiveKind::reduce_scatter, "ring");
  REQUIRE(scatter.elements_sent(uneven) == 3);  // all but its own shard
  const CollectiveAlgorithm& gather = collective_algorithm(CollectiveKind::all_gather, "ring");
  REQUIRE(gather.elements_sent(uneven) == 10);  // all but the next rank's, which is empty
  const CollectiveRequest even{.rank = 0, .world_size = 3, .root = 0, .count = 10, .chunks = 1};
  for (int r = 0; r < 3; ++r) REQUIRE(part_of(even, r) == shard(10, 3, r));
}

TEST_CASE("closed forms of the literature") {
  const LinkModel link{2e-6, 25e9};
  const CollectiveRequest ring{.rank = 0, .world_size = 8, .root = 0, .count = 4'000'000, .chunks = 1};
  const double expected_s = 2 * 7 * (2e-6 + 16e6 / (8 * 25e9));
  REQUIRE(std::abs(collective_algorithm(CollectiveKind::all_reduce, "ring").time_s(ring, 16e6, link) - expected_s) <= 1e-15);
  REQUIRE(std::abs(collective_algorithm(CollectiveKind::broadcast, "binomial").time_s(ring, 16e6, link) -
                   3 * (2e-6 + 16e6 / 25e9)) <= 1e-15);
}

TEST_CASE("bus bandwidth is the one of nccl-tests") {
  REQUIRE(bus_bandwidth(CollectiveKind::all_reduce, 100e6, 0.01, 4) == Approx(15e9));
  REQUIRE(bus_bandwidth(CollectiveKind::all_gather, 100e6, 0.01, 4) == Approx(7.5e9));
  REQUIRE(bus_bandwidth(CollectiveKind::broadcast, 100e6, 0.01, 4) == Approx(10e9));
  REQUIRE(bus_bandwidth(CollectiveKind::all_reduce, 100e6, 0, 4) == 0);
}

TEST_CASE("a misspelt algorithm gets the nearest right one") {
  try {
    (void)collective_algorithm(CollectiveKind::all_reduce, "rnig");
    FAIL("accepted");
  } catch (const InputError& error) {
    REQUIRE(std::string(error.what()).find("did you mean 'ring'") != std::string::npos);
  }
  REQUIRE_THROWS_AS(parse_collective_kind("allreduce"), InputError);
}
